"""Expire: cancelled sweeps whose driver went away are closed by the service."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from service.operations import closing
from service.store import leases, sweeps
from sweeps.lifecycle import SweepState


def due(session: Session, now: datetime) -> bool:
    """True when there is something to close; asks for no lock."""
    return bool(leases.abandoned(session, now))


def close_abandoned(session: Session, now: datetime) -> int:
    """Close every STOPPING sweep that no live lease holds; returns how many."""
    closed = 0
    for sweep_id in leases.abandoned(session, now):
        sweep = sweeps.find(session, sweep_id, lock=True)
        # The driver may have renewed or finished between the look and the lock.
        if sweep.state == SweepState.STOPPING and not leases.is_live(sweep, now):
            closing.close(session, sweep, now)
            closed += 1
    return closed
