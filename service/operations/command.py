"""Command: what a user asks of a sweep or a trial.

Where no driver has to do anything it takes effect at once; otherwise it waits in the inbox until
the driver journals that it was applied. Asking again for the same changes nothing.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from service.errors import IllegalMove
from service.operations import closing, inbox, moves
from service.schemas import Accepted
from service.store import commands, leases, sweeps, trials
from service.store.tables import CommandRow, SweepRow
from sweeps.lifecycle import SWEEP_ENDS, SweepState, TrialState

_SWITCH = ("pause", "resume")


def pause(session: Session, sweep_id: str, now: datetime) -> Accepted:
    """QUEUED pauses at once; RUNNING when its driver has saved. Raises NotFound, IllegalMove."""
    sweep = sweeps.find(session, sweep_id, lock=True)
    if sweep.state == SweepState.PAUSED:
        return _already(session, sweep, "pause")
    if sweep.state == SweepState.RUNNING:
        waiting = _waiting_switch(session, sweep)
        if waiting is None or waiting.kind != "pause":
            waiting = inbox.give(session, sweep, "pause", now)
        return inbox.accepted(sweep, waiting)
    moves.check(sweep, SweepState.PAUSED)
    row = inbox.give(session, sweep, "pause", now)
    inbox.settle(session, sweep, now, _SWITCH)
    moves.move(session, sweep, SweepState.PAUSED, now, "Paused by a user.")
    return inbox.accepted(sweep, row)


def resume(session: Session, sweep_id: str, now: datetime) -> Accepted:
    """PAUSED is queued again at once; a pause that still waits is taken back by its driver.

    Raises NotFound, IllegalMove.
    """
    sweep = sweeps.find(session, sweep_id, lock=True)
    if sweep.state == SweepState.RUNNING:
        waiting = _waiting_switch(session, sweep)
        if waiting is not None and waiting.kind == "pause":
            return inbox.accepted(sweep, inbox.give(session, sweep, "resume", now))
        return _already(session, sweep, "resume")
    if sweep.state == SweepState.QUEUED:
        return _already(session, sweep, "resume")
    if sweep.state in SWEEP_ENDS:
        # Only a retry queues it again.
        raise IllegalMove(
            f"a sweep that is {sweep.state} cannot be resumed; it has ended",
            extra={"state": sweep.state, "possible": []},
        )
    moves.check(sweep, SweepState.QUEUED)
    row = inbox.give(session, sweep, "resume", now)
    _queue(session, sweep, now)
    return inbox.accepted(sweep, row)


def cancel(session: Session, sweep_id: str, now: datetime) -> Accepted:
    """Ends at once without a driver; with one it is STOPPING until the driver has closed it.

    Raises NotFound, IllegalMove.
    """
    sweep = sweeps.find(session, sweep_id, lock=True)
    if sweep.state == SweepState.CANCELLED:
        return _already(session, sweep, "cancel")
    driven = leases.is_live(sweep, now)
    if sweep.state == SweepState.STOPPING:
        if not driven:
            closing.close(session, sweep, now)
        return _already(session, sweep, "cancel")
    if sweep.state in SWEEP_ENDS:
        moves.check(sweep, SweepState.CANCELLED)
    row = inbox.give(session, sweep, "cancel", now)
    # A driver that still leaves a sweep queued again has nothing more to close.
    if driven and sweep.state != SweepState.QUEUED:
        moves.move(session, sweep, SweepState.STOPPING, now, "Cancelled by a user.")
    else:
        closing.close(session, sweep, now)
    return inbox.accepted(sweep, row)


def stop_trial(session: Session, trial_id: str, now: datetime) -> Accepted:
    """Waits for the driver. Raises NotFound, IllegalMove for a trial that ended otherwise."""
    found = trials.find(session, trial_id)
    sweep = sweeps.find(session, found.sweep_id, lock=True)
    session.refresh(found)
    state = TrialState(found.state)
    known = commands.latest(session, sweep.id, ["stop_trial"], found.number)
    # One that was applied when the trial had failed stopped nothing of what a retry began.
    holds = found.stop_requested or (known is not None and known.applied_at is None)
    if state is TrialState.STOPPED or (holds and state not in _PAST):
        return inbox.accepted(sweep, known, "stop_trial")
    if state in _PAST or sweep.state in SWEEP_ENDS:
        raise IllegalMove(
            f"trial {found.number} is {state}, its sweep {sweep.state}; there is nothing to stop",
            extra={"state": state, "possible": []},
        )
    return inbox.accepted(sweep, inbox.give(session, sweep, "stop_trial", now, found.number))


_PAST = (TrialState.DONE, TrialState.FAILED)


def driver_left(session: Session, sweep: SweepRow, now: datetime) -> None:
    """The driver of a PAUSED sweep has left: its pause took effect, or a resume that waited."""
    waiting = _waiting_switch(session, sweep)
    if waiting is not None and waiting.kind == "resume":
        _queue(session, sweep, now)
    else:
        inbox.settle(session, sweep, now, _SWITCH)


def _queue(session: Session, sweep: SweepRow, now: datetime) -> None:
    inbox.settle(session, sweep, now, _SWITCH)
    moves.move(session, sweep, SweepState.QUEUED, now, "Resumed by a user.")


def _waiting_switch(session: Session, sweep: SweepRow) -> CommandRow | None:
    """The newest pause or resume, if it has not taken effect."""
    row = commands.latest(session, sweep.id, _SWITCH)
    return row if row is not None and row.applied_at is None else None


def _already(session: Session, sweep: SweepRow, kind: str) -> Accepted:
    return inbox.accepted(sweep, commands.latest(session, sweep.id, [kind]), kind)
