"""Release: a driver gives its lease back; what waited for it is settled."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from service.operations import closing, command
from service.store import leases, sweeps
from service.store.tables import SweepRow
from sweeps.lifecycle import SweepState


def release(session: Session, sweep_id: str, token: int, now: datetime) -> None:
    """End the lease. A RUNNING sweep may be claimed again at once; a repeat changes nothing.

    Raises NotFound, StaleLease.
    """
    sweep = sweeps.find(session, sweep_id, lock=True)
    if not leases.released(sweep, token):
        let_go(session, sweep, now)


def let_go(session: Session, sweep: SweepRow, now: datetime) -> None:
    """Drop the lease of a locked sweep, and do what only waited for its driver to leave."""
    leases.drop(sweep)
    session.flush()
    if sweep.state == SweepState.STOPPING:
        closing.close(session, sweep, now)
    elif sweep.state == SweepState.PAUSED:
        command.driver_left(session, sweep, now)
