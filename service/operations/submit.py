"""Submit: a spec becomes a sweep that waits for an agent."""

from __future__ import annotations

import json
import uuid
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from service.errors import KeyReused
from service.operations import moves
from service.store import idempotency, sweeps
from service.store.costs import measurements
from service.store.measured import family
from service.store.tables import LabelRow, SweepRow
from sweeps.checks import check
from sweeps.checks.memory import memory_faults
from sweeps.checks.texts import secret_faults
from sweeps.errors import SpecError
from sweeps.lifecycle import SweepState
from sweeps.spec import SweepSpec, parse
from sweeps.support import refuse


def submit(session: Session, body: Any, key: str | None, now: datetime) -> tuple[SweepRow, bool]:
    """The sweep that `body` asks for, and whether an earlier request with `key` made it.

    Raises SpecError and UnsupportedError with every fault, KeyReused for a key that came with
    another body before.
    """
    digest = idempotency.digest(body)
    if key is not None and (known := _replay(session, key, digest)):
        return known, True
    spec = runnable(body)
    # A trial that cannot fit would fail again and again on a device that others wait for.
    if faults := memory_faults(spec, measurements(session, spec)):
        raise SpecError(faults)
    sweep = new_sweep(spec, now)
    if key is None:
        session.add(sweep)
        # Before the first event, whose row refers to it.
        session.flush()
    elif not idempotency.keep(session, key, digest, sweep, now):
        # Another request used the key between our look and our write; its sweep is the one.
        known = _replay(session, key, digest)
        if known is None:
            raise KeyReused(f"the key {key!r} was just used; send the request again")
        return known, True
    moves.create(session, sweep, now)
    return sweep, False


def runnable(body: Any, *, cells: bool = True) -> SweepSpec:
    """The spec in `body`, when it can run here; `cells=False` lets cells pass that cannot run.

    Raises SpecError. UnsupportedError comes first: what is not built is told by name before its
    values are judged by the rules of what is.
    """
    spec = parse(body)
    # Before anything that prints a value.
    if faults := secret_faults(spec):
        raise SpecError(faults)
    refuse(spec)
    check(spec, cells=cells)
    return spec


def new_sweep(spec: SweepSpec, now: datetime) -> SweepRow:
    """The row of a new sweep, not yet in any session."""
    body = spec.spec
    return SweepRow(
        id=f"swp_{uuid.uuid4().hex}",
        created_at=now,
        updated_at=now,
        name=spec.metadata.name,
        project=spec.metadata.project,
        pool=body.resources.pool,
        recipe=body.workload.recipe,
        family=family(spec),
        spec=json.dumps(spec.dump()),
        metric=body.metric.model_dump_json(),
        revision=1,
        priority=body.resources.priority,
        max_parallel=body.resources.max_parallel,
        budget_trials=body.budget.trials,
        labels=[LabelRow(name=k, value=v) for k, v in spec.metadata.labels.items()],
        state=SweepState.QUEUED,
        message="",
        event_seq=0,
        journal_seq=0,
        lease_token=0,
    )


def _replay(session: Session, key: str, digest: str) -> SweepRow | None:
    known = idempotency.find(session, key)
    if known is None:
        return None
    if known.digest != digest:
        raise KeyReused(
            f"the key {key!r} was used for sweep {known.sweep_id} with another body; "
            "use a new key for a new sweep"
        )
    return sweeps.find(session, known.sweep_id)
