"""States of sweep, trial and attempt, and the table of legal moves."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

from sweeps.errors import IllegalMoveError

S = TypeVar("S", bound=StrEnum)


class SweepState(StrEnum):
    """QUEUED waits for an agent; STOPPING is cancelled, but its driver has not yet closed it."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    STOPPING = "STOPPING"
    DONE = "DONE"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"


class TrialState(StrEnum):
    """PENDING waits for a slot (never run, its last attempt was lost, revived by a pruner, or
    retried by a user); PAUSED is parked."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    DONE = "DONE"
    STOPPED = "STOPPED"
    FAILED = "FAILED"


class AttemptState(StrEnum):
    """One execution of a trial."""

    STARTED = "STARTED"
    ENDED = "ENDED"


class StopReason(StrEnum):
    """Why a trial is STOPPED."""

    PRUNED = "pruned"
    USER = "user"
    BUDGET = "budget"


class AttemptEnd(StrEnum):
    """Why an attempt ENDED. `paused` and `preempted` saved; `lost` and `failed` did not."""

    FINISHED = "finished"
    STOPPED = "stopped"
    PAUSED = "paused"
    PREEMPTED = "preempted"
    FAILED = "failed"
    LOST = "lost"


SWEEP_MOVES: dict[SweepState, frozenset[SweepState]] = {
    SweepState.QUEUED: frozenset(
        {SweepState.RUNNING, SweepState.PAUSED, SweepState.CANCELLED, SweepState.FAILED}
    ),
    SweepState.RUNNING: frozenset(
        {SweepState.PAUSED, SweepState.STOPPING, SweepState.DONE, SweepState.FAILED}
    ),
    SweepState.PAUSED: frozenset({SweepState.QUEUED, SweepState.STOPPING, SweepState.CANCELLED}),
    SweepState.STOPPING: frozenset({SweepState.CANCELLED, SweepState.FAILED}),
    # A user may retry the failed trials of a sweep that has ended.
    SweepState.DONE: frozenset({SweepState.QUEUED}),
    SweepState.CANCELLED: frozenset(),
    SweepState.FAILED: frozenset({SweepState.QUEUED}),
}

TRIAL_MOVES: dict[TrialState, frozenset[TrialState]] = {
    TrialState.PENDING: frozenset({TrialState.RUNNING, TrialState.STOPPED, TrialState.FAILED}),
    TrialState.RUNNING: frozenset(
        {
            TrialState.PENDING,
            TrialState.PAUSED,
            TrialState.DONE,
            TrialState.STOPPED,
            TrialState.FAILED,
        }
    ),
    TrialState.PAUSED: frozenset({TrialState.PENDING, TrialState.RUNNING, TrialState.STOPPED}),
    TrialState.DONE: frozenset(),
    TrialState.STOPPED: frozenset(),
    TrialState.FAILED: frozenset({TrialState.PENDING}),
}

ATTEMPT_MOVES: dict[AttemptState, frozenset[AttemptState]] = {
    AttemptState.STARTED: frozenset({AttemptState.ENDED}),
    AttemptState.ENDED: frozenset(),
}

# Where nothing happens any more unless a user retries what failed.
SWEEP_ENDS = frozenset({SweepState.DONE, SweepState.CANCELLED, SweepState.FAILED})
TRIAL_ENDS = frozenset({TrialState.DONE, TrialState.STOPPED, TrialState.FAILED})


def move_sweep(now: SweepState, to: SweepState) -> SweepState:
    """`to`, when that move is legal. Raises IllegalMoveError otherwise."""
    return _move("sweep", SWEEP_MOVES, now, to)


def move_trial(now: TrialState, to: TrialState) -> TrialState:
    """`to`, when that move is legal. Raises IllegalMoveError otherwise."""
    return _move("trial", TRIAL_MOVES, now, to)


def move_attempt(now: AttemptState, to: AttemptState) -> AttemptState:
    """`to`, when that move is legal. Raises IllegalMoveError otherwise."""
    return _move("attempt", ATTEMPT_MOVES, now, to)


def _move(what: str, table: dict[S, frozenset[S]], now: S, to: S) -> S:
    if to not in table[now]:
        onward = ", ".join(sorted(table[now])) or "nothing, it has ended"
        raise IllegalMoveError(f"a {what} that is {now} cannot become {to}; it may become {onward}")
    return to
