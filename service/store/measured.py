"""Throughputs that finished trials had, for cost estimates."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from service.store.tables import AttemptRow, ReportRow, SweepRow, TrialRow
from sweeps.costs import Measured
from sweeps.lifecycle import TrialState
from sweeps.spec import SweepSpec

# The newest so many; older ones were measured on older software.
NEWEST = 500
# Of so many sweeps of the family, the newest, the options are looked at.
AMONG = 1000


def family(spec: SweepSpec) -> str:
    """A digest of what decides how fast a trial runs and what it may learn, its parameters, devices
    and options aside."""
    names = {"recipe", "model", "adapter", "max_length"}
    text = json.dumps(spec.spec.workload.model_dump(mode="json", include=names), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def measured(session: Session, spec: SweepSpec) -> list[Measured]:
    """Finished trials of the same family in the same pool, with the same options, newest first.

    Options such as packing and compilation change how fast a trial runs. Only trials of one
    attempt: what a lost attempt had spent is not known. What one took over from another trial took
    it no time.
    """
    query = (
        select(
            TrialRow.params,
            AttemptRow.samples,
            AttemptRow.seconds,
            SweepRow.devices_per_trial,
            ReportRow.report,
        )
        .join(AttemptRow, AttemptRow.trial_id == TrialRow.id)
        .outerjoin(
            ReportRow, and_(ReportRow.trial_id == TrialRow.id, ReportRow.point == TrialRow.point)
        )
        .join(SweepRow, SweepRow.id == TrialRow.sweep_id)
        .where(
            SweepRow.id.in_(_alike(session, spec)),
            TrialRow.state == TrialState.DONE,
            TrialRow.attempts == 1,
            AttemptRow.seconds > 0,
            # A base model was evaluated and not trained.
            AttemptRow.samples > 0,
        )
        .order_by(TrialRow.updated_at.desc())
        .limit(NEWEST)
    )
    return [
        Measured(
            samples_per_second=(samples - _inherited(last)) / seconds,
            params=json.loads(params),
            devices=devices or 0.0,
        )
        for params, samples, seconds, devices, last in session.execute(query)
        if seconds
    ]


def _alike(session: Session, spec: SweepSpec) -> list[str]:
    """Sweeps of the family, pool and options of `spec`. The options are read from the stored specs:
    digests that older versions stored know nothing of them."""
    query = select(SweepRow.id, SweepRow.spec).where(
        SweepRow.family == family(spec), SweepRow.pool == spec.spec.resources.pool
    )
    newest = query.order_by(SweepRow.created_at.desc(), SweepRow.id).limit(AMONG)
    asked = spec.spec.workload.model_dump(mode="json")["options"]
    return [found for found, text in session.execute(newest) if _options(text) == asked]


def _options(spec: str) -> dict[str, Any]:
    """Of a stored spec; one without any is like one with none."""
    return json.loads(spec)["spec"]["workload"].get("options") or {}


def _inherited(report: str | None) -> int:
    """Samples before those that the trial of this last report trained itself."""
    return 0 if report is None else int(json.loads(report).get("inherited") or 0)
