from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from itertools import product
from typing import Any

import pytest

from sweeps.errors import IllegalMoveError
from sweeps.lifecycle import (
    ATTEMPT_MOVES,
    SWEEP_ENDS,
    SWEEP_MOVES,
    TRIAL_ENDS,
    TRIAL_MOVES,
    AttemptState,
    SweepState,
    TrialState,
    move_attempt,
    move_sweep,
    move_trial,
)

# Written out a second time, on purpose: a change of the table must be meant.
SWEEP = """
QUEUED: RUNNING PAUSED CANCELLED FAILED
RUNNING: PAUSED STOPPING DONE FAILED
PAUSED: QUEUED STOPPING CANCELLED
STOPPING: CANCELLED FAILED
DONE: QUEUED
FAILED: QUEUED
"""
TRIAL = """
PENDING: RUNNING STOPPED FAILED
RUNNING: PENDING PAUSED DONE STOPPED FAILED
PAUSED: PENDING RUNNING STOPPED
FAILED: PENDING
"""
ATTEMPT = "STARTED: ENDED"


def legal(text: str) -> set[tuple[str, str]]:
    lines = [line.split(":") for line in text.split("\n") if line]
    return {(now, to) for now, onward in lines for to in onward.split()}


TABLES: list[tuple[type[StrEnum], Callable[[Any, Any], Any], str]] = [
    (SweepState, move_sweep, SWEEP),
    (TrialState, move_trial, TRIAL),
    (AttemptState, move_attempt, ATTEMPT),
]
PAIRS = [
    (move, now, to, (now.value, to.value) in legal(text))
    for states, move, text in TABLES
    for now, to in product(states, states)
]


@pytest.mark.parametrize(("move", "now", "to", "allowed"), PAIRS)
def test_every_pair(
    move: Callable[[Any, Any], Any], now: StrEnum, to: StrEnum, allowed: bool
) -> None:
    if allowed:
        assert move(now, to) is to
    else:
        with pytest.raises(IllegalMoveError, match=f"that is {now} cannot become {to}"):
            move(now, to)


def test_tables_name_every_state() -> None:
    assert set(SWEEP_MOVES) == set(SweepState)
    assert set(TRIAL_MOVES) == set(TrialState)
    assert set(ATTEMPT_MOVES) == set(AttemptState)


def test_ends_are_ends_and_can_be_reached() -> None:
    assert set(SWEEP_ENDS) == {SweepState.DONE, SweepState.CANCELLED, SweepState.FAILED}
    assert set(TRIAL_ENDS) == {TrialState.DONE, TrialState.STOPPED, TrialState.FAILED}
    for table, start in ((SWEEP_MOVES, SweepState.QUEUED), (TRIAL_MOVES, TrialState.PENDING)):
        reached: set[Any] = {start}
        for _ in table:
            reached |= {to for now in reached for to in table[now]}
        assert reached == set(table)


def test_the_message_says_what_is_possible() -> None:
    with pytest.raises(IllegalMoveError, match="may become CANCELLED, FAILED"):
        move_sweep(SweepState.STOPPING, SweepState.DONE)
    with pytest.raises(IllegalMoveError, match="nothing, it has ended"):
        move_trial(TrialState.DONE, TrialState.RUNNING)
