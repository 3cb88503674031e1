"""The only writer of a state. Each move is checked by `sweeps.lifecycle` and told as an event."""

from __future__ import annotations

import json
from datetime import datetime

from sqlalchemy.orm import Session

from service.errors import IllegalMove
from service.store import events
from service.store.tables import SweepRow, TrialRow
from sweeps.errors import IllegalMoveError
from sweeps.lifecycle import (
    SWEEP_ENDS,
    SWEEP_MOVES,
    SweepState,
    TrialState,
    move_sweep,
    move_trial,
)


def create(session: Session, sweep: SweepRow, now: datetime) -> None:
    """A new sweep's first event. Its row was made QUEUED."""
    data = {"state": sweep.state, "was": None, "message": sweep.message}
    events.add(session, sweep, "sweep", data, now)


def move(session: Session, sweep: SweepRow, to: SweepState, now: datetime, message: str) -> None:
    """Move a locked sweep. Raises IllegalMove (which says what is possible)."""
    was = check(sweep, to)
    sweep.state = to
    sweep.message = message
    if to is SweepState.RUNNING and sweep.started_at is None:
        sweep.started_at = now
    if was in SWEEP_ENDS:
        sweep.ended_at = None
        events.reopen(session, sweep)
    if to in SWEEP_ENDS:
        sweep.ended_at = now
    data = {"state": to, "was": was, "message": message}
    events.add(session, sweep, "sweep", data, now)


def check(sweep: SweepRow, to: SweepState) -> SweepState:
    """The state the sweep is in, when it may move to `to`. Raises IllegalMove."""
    was = SweepState(sweep.state)
    try:
        move_sweep(was, to)
    except IllegalMoveError as error:
        extra = {"state": was, "possible": sorted(SWEEP_MOVES[was])}
        raise IllegalMove(str(error), extra=extra) from error
    return was


def ask_trial(session: Session, sweep: SweepRow, trial: TrialRow, now: datetime) -> None:
    """A new trial's first event. Its row was made PENDING."""
    _tell_trial(session, sweep, trial, None, now)


def move_trial_to(
    session: Session,
    sweep: SweepRow,
    trial: TrialRow,
    to: TrialState,
    reason: str | None,
    now: datetime,
) -> None:
    """Move a trial of a locked sweep. Raises sweeps.errors.IllegalMoveError."""
    was = TrialState(trial.state)
    trial.state, trial.reason = move_trial(was, to), reason
    _tell_trial(session, sweep, trial, was, now)


def _tell_trial(
    session: Session, sweep: SweepRow, trial: TrialRow, was: TrialState | None, now: datetime
) -> None:
    trial.updated_at = now
    data = {
        "number": trial.number,
        "state": trial.state,
        "was": was,
        "reason": trial.reason,
        "params": json.loads(trial.params),
    }
    events.add(session, sweep, "trial", data, now, trial.id)
