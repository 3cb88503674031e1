"""Closing what no driver will close: the service appends the last entries itself.

It does so only when it has just taken the lease away, so that journals keep one writer.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from service.clock import stamp
from service.operations import inbox, moves
from service.operations.project import Projection
from service.store import commands, leases, trials
from service.store.tables import SweepRow, TrialRow
from sweeps.journal import AttemptEnded, Body, CommandApplied, Entry
from sweeps.lifecycle import AttemptEnd, StopReason, SweepState, TrialState


def close(session: Session, sweep: SweepRow, now: datetime) -> None:
    """End a locked, cancelled sweep: a new fencing token, open trials STOPPED, CANCELLED."""
    sweep.lease_token += 1
    leases.drop(sweep)
    if sweep.journal_seq:
        _journal_cancel(session, sweep, now)
        for trial in _running(session, sweep):
            _end(session, sweep, trial, AttemptEnd.STOPPED, now)
    inbox.settle(session, sweep, now)
    if sweep.state == SweepState.RUNNING:
        moves.move(session, sweep, SweepState.STOPPING, now, "Cancelled by a user.")
    moves.move(session, sweep, SweepState.CANCELLED, now, "Cancelled by a user.")


def end_attempts(session: Session, sweep: SweepRow, now: datetime) -> None:
    """The attempts that a failed driver left open are lost."""
    for trial in _running(session, sweep):
        _end(session, sweep, trial, AttemptEnd.LOST, now)


def _journal_cancel(session: Session, sweep: SweepRow, now: datetime) -> None:
    """Waiting and parked trials stop by it. A driver may have journalled it already."""
    command = commands.latest(session, sweep.id, ["cancel"])
    if command is None or command.applied_at is None:
        name = command.id if command else f"cancelled-at-{sweep.journal_seq}"
        _append(session, sweep, CommandApplied(command=name, kind="cancel"), now)


def _running(session: Session, sweep: SweepRow) -> list[TrialRow]:
    return [row for row in trials.every(session, sweep.id) if row.state == TrialState.RUNNING]


def _end(
    session: Session, sweep: SweepRow, trial: TrialRow, reason: AttemptEnd, now: datetime
) -> None:
    body = AttemptEnded(
        trial=trial.number,
        attempt=trial.attempts,
        reason=reason,
        samples=trial.samples,
        stop_reason=StopReason.USER if reason is AttemptEnd.STOPPED else None,
    )
    _append(session, sweep, body, now)


def _append(session: Session, sweep: SweepRow, body: Body, now: datetime) -> None:
    entry = Entry(seq=sweep.journal_seq + 1, at=stamp(now), body=body)
    Projection(session, sweep, now).take(entry)
    session.flush()
