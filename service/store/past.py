"""What finished sweeps of the same family saw, for a new one to learn from."""

from __future__ import annotations

import json
import math
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.schemas import PastPoint, PastSweep, PastTrial
from service.store.tables import ReportRow, SweepRow, TrialRow
from sweeps.lifecycle import SweepState, TrialState
from sweeps.metric import value_at
from sweeps.trial import Report, Role

# The newest sweeps, and their first trials. It all becomes one journal entry, so it is bounded in
# bytes too, and so is the time that a driver waits for it.
SWEEPS, TRIALS, BYTES, SECONDS = 20, 200, 1_000_000, 5.0
# Of a trial, the last report up to each of these shares of its run.
SHARES = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)


def past(session: Session, row: SweepRow) -> list[PastSweep]:
    """DONE sweeps of the project and family of `row` with the same metric, newest first: their
    search trials that ran to a finite final.

    At most SWEEPS; fewer when they take more than BYTES as JSON or longer than SECONDS to read.
    """
    found: list[PastSweep] = []
    end, room = time.monotonic() + SECONDS, BYTES
    for sweep in _family(session, row):
        one = PastSweep(sweep=sweep.id, trials=_trials(session, sweep))
        if time.monotonic() > end:
            break
        size = len(one.model_dump_json())
        if one.trials and size <= room:
            found.append(one)
            room -= size
    return found


def _family(session: Session, row: SweepRow) -> list[SweepRow]:
    query = select(SweepRow).where(
        SweepRow.family == row.family,
        SweepRow.project == row.project,
        SweepRow.metric == row.metric,
        SweepRow.state == SweepState.DONE,
        SweepRow.id != row.id,
    )
    newest = query.order_by(SweepRow.ended_at.desc(), SweepRow.id).limit(SWEEPS)
    return list(session.scalars(newest))


def _trials(session: Session, sweep: SweepRow) -> list[PastTrial]:
    # Of a value that is not finite only the code is stored.
    query = select(TrialRow.id, TrialRow.params, TrialRow.value).where(
        TrialRow.sweep_id == sweep.id,
        TrialRow.role == Role.SEARCH,
        TrialRow.state == TrialState.DONE,
        TrialRow.value.is_not(None),
    )
    rows = session.execute(query.order_by(TrialRow.number).limit(TRIALS)).all()
    points = _points(session, json.loads(sweep.spec)["spec"], [key for key, *_ in rows])
    return [
        PastTrial(params=json.loads(params), final=value, points=points[key])
        for key, params, value in rows
        if value is not None
    ]


def _points(
    session: Session, body: dict[str, Any], trials: Sequence[str]
) -> dict[str, list[PastPoint]]:
    """The chosen reports of each trial, rising; `body` is the spec block of their sweep."""
    total, metric = int(body["report"]["points"]), _watched(body)
    keys = select(ReportRow.trial_id, ReportRow.point).where(ReportRow.trial_id.in_(trials))
    there: dict[str, list[int]] = defaultdict(list)
    for trial, point in session.execute(keys):
        there[trial].append(point)
    wanted = {trial: _spread(points, total) for trial, points in there.items()}
    texts = select(ReportRow.trial_id, ReportRow.point, ReportRow.report).where(
        ReportRow.trial_id.in_(trials), ReportRow.point.in_(set[int]().union(*wanted.values()))
    )
    found: dict[str, list[PastPoint]] = defaultdict(list)
    for trial, point, text in session.execute(texts.order_by(ReportRow.point)):
        if point in wanted[trial]:
            found[trial].append(_point(point / total, Report.model_validate_json(text), metric))
    return found


def _watched(body: dict[str, Any]) -> str:
    """What the pruner of that sweep looked at along the way, else its metric."""
    watch = body["pruning"].get("watch") or body["metric"]
    return str(watch["name"])


def _spread(points: Iterable[int], total: int) -> set[int]:
    """The last point up to each share of the run, where there is one."""
    there = sorted(points)
    found = set[int]()
    for share in SHARES:
        # A hair more: 0.15 x 20 is less than 3.
        before = [point for point in there if point <= share * total + 1e-9]
        found |= set(before[-1:])
    return found


def _point(share: float, report: Report, metric: str) -> PastPoint:
    window = report.window
    return PastPoint(
        share=share,
        loss=_short(window.loss.value if window.loss else None),
        grad_norm=_short(window.grad_norm.value if window.grad_norm else None),
        metric=_short(value_at(report, metric)),
    )


def _short(value: float | None) -> float | None:
    """Six digits are enough to compare by; None for what is not finite."""
    return None if value is None or not math.isfinite(value) else float(f"{value:.6g}")
