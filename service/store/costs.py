"""What trials took of their devices: the table that the cost model learns from."""

from __future__ import annotations

import json
import logging
import math
from datetime import datetime

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from service.store import sweeps
from service.store.tables import CostRow, SweepRow, TrialRow
from sweeps.cells import devices_of
from sweeps.cost_key import CostKey, cost_key
from sweeps.cost_model import Measurement
from sweeps.spec import SweepSpec
from sweeps.trial import Report

log = logging.getLogger(__name__)
# The newest so many: older ones were measured on older software, and each is foretold from all
# others when a plan is made.
NEWEST = 200
# Counts beyond this were not measured by anybody.
_LARGEST = 2**53


def saw(session: Session, sweep: SweepRow, trial: TrialRow, report: Report, now: datetime) -> None:
    """Take in a trial's next report: its peak is that of all of them, its speed the mean.

    One of no steps says nothing: a base model was evaluated and not trained.
    """
    if not report.window.steps:
        return
    row = session.get(CostRow, trial.id) or _first(session, sweep, trial, report)
    if row is None:
        return
    window, told = report.window, report.footprint
    rate = window.tokens_per_second
    if rate and math.isfinite(rate) and 0 < window.tokens < _LARGEST - row.tokens:
        row.tokens += window.tokens
        row.seconds += window.tokens / rate
    row.peak_memory_bytes = _more(row.peak_memory_bytes, window.peak_memory_bytes)
    if told is not None:
        row.micro_batch_tokens = _more(row.micro_batch_tokens, told.micro_batch_tokens)
        row.device_memory_bytes = _more(row.device_memory_bytes, told.device_memory_bytes)
        row.checkpoint_bytes = _more(row.checkpoint_bytes, told.checkpoint_bytes)
    row.at = now


def measurements(session: Session, spec: SweepSpec) -> list[Measurement]:
    """Trials of the model of `spec` in its pool, of all sweeps, newest first, at most NEWEST."""
    model = cost_key(spec.spec.workload, {}, "").model
    query = select(CostRow).where(CostRow.model == model, CostRow.pool == spec.spec.resources.pool)
    newest = query.order_by(CostRow.at.desc(), CostRow.trial_id).limit(NEWEST)
    return [_measurement(row) for row in session.scalars(newest)]


def _first(session: Session, sweep: SweepRow, trial: TrialRow, report: Report) -> CostRow | None:
    told = report.footprint
    device = told.device if told else "cuda" if sweep.devices_per_trial else "cpu"
    try:
        spec = sweeps.spec_of(sweep)
        key = cost_key(spec.spec.workload, json.loads(trial.params), device, devices_of(spec))
    except ValidationError as error:
        # Parameters that make no adapter: the trial will say so itself.
        log.warning("trial %s has no costs: %s", trial.id, error)
        return None
    row = CostRow(trial_id=trial.id, pool=sweep.pool, tokens=0, seconds=0.0, **key.model_dump())
    session.add(row)
    return row


def _measurement(row: CostRow) -> Measurement:
    names = ("model", "max_length", "adapter", "setup", "device")
    return Measurement(
        key=CostKey(**{name: getattr(row, name) for name in names}),
        micro_batch_tokens=row.micro_batch_tokens,
        peak_memory_bytes=row.peak_memory_bytes,
        device_memory_bytes=row.device_memory_bytes,
        checkpoint_bytes=row.checkpoint_bytes,
        tokens_per_second=row.tokens / row.seconds if row.seconds else None,
    )


def _more(one: int | None, other: int | None) -> int | None:
    """The larger of what was measured."""
    if other is None or other >= _LARGEST:
        return one
    return max(one or 0, other)
