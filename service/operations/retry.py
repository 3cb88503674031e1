"""Retry: what failed runs again.

A sweep under way gets commands in its inbox. One that is DONE or FAILED is queued again, and its
next driver applies them.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from service.errors import IllegalMove
from service.operations import inbox, moves
from service.schemas import Accepted, Retried
from service.store import commands, sweeps, trials
from service.store.tables import CommandRow, SweepRow
from sweeps.lifecycle import SWEEP_ENDS, SweepState, TrialState


def retry_trial(session: Session, trial_id: str, now: datetime) -> Accepted:
    """Another round of attempts for a FAILED trial; asking again before it began changes nothing.

    Raises NotFound, and IllegalMove for a trial that did not fail or a cancelled sweep.
    """
    found = trials.find(session, trial_id)
    sweep = _retriable(session, found.sweep_id)
    session.refresh(found)
    if found.state != TrialState.FAILED:
        raise IllegalMove(
            f"trial {found.number} is {found.state}; only a FAILED one can be retried",
            extra={"state": found.state, "possible": []},
        )
    row = _give(session, sweep, found.number, now)
    _queue(session, sweep, now)
    return inbox.accepted(sweep, row)


def retry_sweep(session: Session, sweep_id: str, now: datetime) -> Retried:
    """The same for all FAILED trials. A FAILED sweep is tried again even if no trial of it failed.

    Raises NotFound, and IllegalMove when nothing failed or the sweep was cancelled.
    """
    sweep = _retriable(session, sweep_id)
    numbers = [row.number for row in trials.failed(session, sweep_id)]
    if not numbers and sweep.state != SweepState.FAILED:
        raise IllegalMove(
            f"no trial of this sweep failed, and it is {sweep.state}; there is nothing to retry",
            extra={"state": sweep.state, "possible": []},
        )
    rows = [_give(session, sweep, number, now) for number in numbers]
    _queue(session, sweep, now)
    return Retried(
        id=rows[-1].id if rows else None,
        kind="retry_sweep",
        applied=not rows,
        state=SweepState(sweep.state),
        trials=numbers,
    )


def _retriable(session: Session, sweep_id: str) -> SweepRow:
    """The sweep, locked, when it was not cancelled."""
    sweep = sweeps.find(session, sweep_id, lock=True)
    if sweep.state in (SweepState.STOPPING, SweepState.CANCELLED):
        raise IllegalMove(
            "the sweep was cancelled, and what was cancelled cannot be retried; make a new one",
            extra={"state": sweep.state, "possible": []},
        )
    return sweep


def _give(session: Session, sweep: SweepRow, number: int, now: datetime) -> CommandRow:
    """The trial's retry: the one that waits, or a new one."""
    known = commands.latest(session, sweep.id, ["retry_trial"], number)
    if known is not None and known.applied_at is None:
        return known
    return inbox.give(session, sweep, "retry_trial", now, number)


def _queue(session: Session, sweep: SweepRow, now: datetime) -> None:
    if sweep.state in SWEEP_ENDS:
        moves.move(session, sweep, SweepState.QUEUED, now, "Retried by a user.")
