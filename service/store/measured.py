"""Throughputs that finished trials had, for cost estimates."""

from __future__ import annotations

import hashlib
import json

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.store.tables import AttemptRow, SweepRow, TrialRow
from sweeps.costs import Measured
from sweeps.lifecycle import TrialState
from sweeps.spec import SweepSpec

# The newest so many; older ones were measured on older software.
NEWEST = 500


def family(spec: SweepSpec) -> str:
    """A digest of what decides how fast a trial runs, its parameters and devices aside."""
    names = {"recipe", "model", "adapter", "max_length"}
    text = json.dumps(spec.spec.workload.model_dump(mode="json", include=names), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def measured(session: Session, spec: SweepSpec) -> list[Measured]:
    """Finished trials of the same family in the same pool, newest first.

    Only trials of one attempt: what a lost attempt had spent is not known.
    """
    query = (
        select(TrialRow.params, AttemptRow.samples, AttemptRow.seconds, SweepRow.devices_per_trial)
        .join(AttemptRow, AttemptRow.trial_id == TrialRow.id)
        .join(SweepRow, SweepRow.id == TrialRow.sweep_id)
        .where(
            SweepRow.family == family(spec),
            SweepRow.pool == spec.spec.resources.pool,
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
            samples_per_second=samples / seconds, params=json.loads(params), devices=devices or 0.0
        )
        for params, samples, seconds, devices in session.execute(query)
        if seconds
    ]
