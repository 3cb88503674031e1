"""Finish: the driver says how its sweep ended, and the lease ends with it."""

from __future__ import annotations

from sqlalchemy.orm import Session

from service.clock import Terms
from service.operations import closing, inbox, moves
from service.operations.release import let_go
from service.schemas import FinishRequest
from service.store import commands, leases, sweeps
from service.store.tables import SweepRow
from sweeps.lifecycle import SweepState


def finish(session: Session, sweep_id: str, request: FinishRequest, terms: Terms) -> SweepRow:
    """Move the sweep to what the driver says it is, and end the lease.

    It stays RUNNING for another driver when a retry or a new budget came that this one may not
    have heard of. The same call again changes nothing. Raises NotFound, StaleLease, IllegalMove.
    """
    to = SweepState(request.state)
    sweep = sweeps.find(session, sweep_id, lock=True)
    if leases.released(sweep, request.token) and (sweep.state == to or _goes_on(session, sweep)):
        return sweep
    sweep = leases.held(session, sweep_id, request.token)
    if to is SweepState.PAUSED:
        _pause(session, sweep, request.message, terms)
        return sweep
    if sweep.state == SweepState.STOPPING and to is SweepState.DONE:
        # The cancel came while the last trial ended.
        to = SweepState.CANCELLED
    if to is SweepState.FAILED:
        closing.end_attempts(session, sweep, terms.now)
    if to is not SweepState.CANCELLED:
        _back_to_running(session, sweep, terms)
    leases.drop(sweep)
    if to is not SweepState.CANCELLED and _goes_on(session, sweep):
        # RUNNING without a lease: the next driver applies them.
        return sweep
    moves.check(sweep, to)
    # Before the move: its event is the sweep's last.
    inbox.settle(session, sweep, terms.now)
    moves.move(session, sweep, to, terms.now, request.message)
    return sweep


_MORE = ("retry_trial", "set_budget")


def _goes_on(session: Session, sweep: SweepRow) -> bool:
    """True when a user gave a RUNNING sweep more to do after its driver claimed it, so that the
    driver could end without having heard of it. What waited at the claim it had its chance at.

    By the order of commands: the clocks of two replicas may differ.
    """
    if sweep.state != SweepState.RUNNING:
        return False
    waiting = commands.waiting(session, [sweep.id])
    return any(row.kind in _MORE and row.number > sweep.claimed_commands for row in waiting)


def _pause(session: Session, sweep: SweepRow, message: str, terms: Terms) -> None:
    """The driver left for a pause. The user may have resumed or cancelled in the meantime."""
    if sweep.state == SweepState.RUNNING:
        moves.move(session, sweep, SweepState.PAUSED, terms.now, message or "Paused.")
    let_go(session, sweep, terms.now)


def _back_to_running(session: Session, sweep: SweepRow, terms: Terms) -> None:
    """A sweep that ended although a pause was on its way ended all the same."""
    if sweep.state == SweepState.PAUSED:
        moves.move(session, sweep, SweepState.QUEUED, terms.now, "It ended before it paused.")
    if sweep.state == SweepState.QUEUED:
        moves.move(session, sweep, SweepState.RUNNING, terms.now, "It ended before it paused.")
