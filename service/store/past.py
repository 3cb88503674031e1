"""What finished sweeps of the same family saw, for a new one to learn from."""

from __future__ import annotations

import json
import math
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.schemas import PastPoint, PastSweep, PastTrial
from service.store.tables import ReportRow, SweepRow, TrialRow
from sweeps.lifecycle import SweepState, TrialState
from sweeps.metric import value_at
from sweeps.pruning_report import PruningReport
from sweeps.trial import Report, Role

# The newest sweeps, and their first trials. It all becomes one journal entry, so it is bounded in
# bytes too, and so is the time that a driver waits for it. They are looked for among so many.
SWEEPS, TRIALS, BYTES, SECONDS, AMONG = 20, 200, 1_000_000, 5.0, 200
# Of a trial, the last report up to each of these shares of its run.
SHARES = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)


def past(session: Session, row: SweepRow) -> list[PastSweep]:
    """DONE sweeps of the project and family of `row` with the same metric, newest first: their
    search trials that ran to a finite final. Only sweeps whose pruner held no trial back for good:
    among those that it let finish early ranks say less than they do among all.

    At most SWEEPS; fewer when they take more than BYTES as JSON or longer than SECONDS to read.
    """
    found: list[PastSweep] = []
    end, room = time.monotonic() + SECONDS, BYTES
    for sweep in _family(session, row):
        one = _told(session, sweep)
        if time.monotonic() > end:
            break
        size = len(one.model_dump_json())
        if one.trials and size <= room:
            found.append(one)
            room -= size
    return found


def _family(session: Session, row: SweepRow) -> Iterator[SweepRow]:
    query = select(SweepRow).where(
        SweepRow.family == row.family,
        SweepRow.project == row.project,
        SweepRow.metric == row.metric,
        SweepRow.state == SweepState.DONE,
        SweepRow.id != row.id,
    )
    newest = query.order_by(SweepRow.ended_at.desc(), SweepRow.id).limit(AMONG)
    return islice((sweep for sweep in session.scalars(newest) if _whole(sweep)), SWEEPS)


def _whole(sweep: SweepRow) -> bool:
    """True when nothing was condemned, or all of it ran on as audits. A sweep that prunes and has
    no summary yet tells nothing."""
    if _body(sweep)["pruning"]["type"] == "never":
        return True
    if sweep.pruning is None:
        return False
    report = PruningReport.model_validate_json(sweep.pruning)
    return report.condemned == report.audited


def _body(sweep: SweepRow) -> dict[str, Any]:
    """The spec block."""
    found: dict[str, Any] = json.loads(sweep.spec)["spec"]
    return found


def _told(session: Session, sweep: SweepRow) -> PastSweep:
    # Of a value that is not finite only the code is stored.
    query = select(TrialRow.id, TrialRow.params, TrialRow.value).where(
        TrialRow.sweep_id == sweep.id,
        TrialRow.role == Role.SEARCH,
        TrialRow.state == TrialState.DONE,
        TrialRow.value.is_not(None),
    )
    rows = session.execute(query.order_by(TrialRow.number).limit(TRIALS)).all()
    body = _body(sweep)
    total = int(body["report"]["points"])
    reports = _reports(session, total, [key for key, *_ in rows])
    metric, higher = _watched(body, [one for some in reports.values() for one in some])
    trials = [
        PastTrial(
            params=json.loads(params),
            final=value,
            points=[_point(one.point / total, one, metric) for one in reports[key]],
        )
        for key, params, value in rows
        if value is not None
    ]
    return PastSweep(sweep=sweep.id, higher=higher, trials=trials)


def _reports(session: Session, total: int, trials: Sequence[str]) -> dict[str, list[Report]]:
    """The chosen reports of each trial, rising; `total` is the last point of a run."""
    keys = select(ReportRow.trial_id, ReportRow.point).where(ReportRow.trial_id.in_(trials))
    there: dict[str, list[int]] = defaultdict(list)
    for trial, point in session.execute(keys):
        there[trial].append(point)
    wanted = {trial: _spread(points, total) for trial, points in there.items()}
    texts = select(ReportRow.trial_id, ReportRow.point, ReportRow.report).where(
        ReportRow.trial_id.in_(trials), ReportRow.point.in_(set[int]().union(*wanted.values()))
    )
    found: dict[str, list[Report]] = defaultdict(list)
    for trial, point, text in session.execute(texts.order_by(ReportRow.point)):
        if point in wanted[trial]:
            found[trial].append(Report.model_validate_json(text))
    return found


def _watched(body: dict[str, Any], reports: Sequence[Report]) -> tuple[str, bool]:
    """What the pruner of that sweep looked at along the way, and whether more of it is better: what
    it was told to watch, else its metric, else `eval_loss` where that is measured at the end only.
    """
    watch = body["pruning"].get("watch") or body["metric"]
    total, name = int(body["report"]["points"]), str(watch["name"])
    early = [report for report in reports if report.point < total]
    there = any(value_at(report, name) is not None for report in early)
    if not there and any(value_at(report, "eval_loss") is not None for report in early):
        return "eval_loss", False
    return name, watch["goal"] == "maximize"


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
        samples=report.samples,
        loss=_short(window.loss.value if window.loss else None),
        grad_norm=_short(window.grad_norm.value if window.grad_norm else None),
        metric=_short(value_at(report, metric)),
    )


def _short(value: float | None) -> float | None:
    """Six digits are enough to compare by; None for what is not finite."""
    return None if value is None or not math.isfinite(value) else float(f"{value:.6g}")
