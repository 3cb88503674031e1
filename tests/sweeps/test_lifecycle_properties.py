"""Walks through the tables of states."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

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

Move = Callable[[Any, Any], Any]
SWEEP: tuple[Move, dict[Any, frozenset[Any]], frozenset[Any], type[StrEnum]]
SWEEP = (move_sweep, dict(SWEEP_MOVES), SWEEP_ENDS, SweepState)
TRIAL = (move_trial, dict(TRIAL_MOVES), TRIAL_ENDS, TrialState)
ATTEMPT = (move_attempt, dict(ATTEMPT_MOVES), frozenset({AttemptState.ENDED}), AttemptState)
each = pytest.mark.parametrize(("move", "table", "ends", "states"), [SWEEP, TRIAL, ATTEMPT])
Table = dict[Any, frozenset[Any]]


def reached(table: Table, start: Any) -> set[Any]:
    """Every state that some walk from `start` comes to."""
    found, todo = set[Any](), [start]
    while todo:
        new = table[todo.pop()] - found
        found |= new
        todo += new
    return found


@each
def test_the_table_answers_every_pair(
    move: Move, table: Table, ends: frozenset[Any], states: type[StrEnum]
) -> None:
    """One answer for each, and only that: the state asked for, or an IllegalMoveError."""
    assert set(table) == set(states)
    for now, to in product(states, states):
        if to in table[now]:
            assert move(now, to) is to
        else:
            with pytest.raises(IllegalMoveError):
                move(now, to)


@each
def test_nothing_moves_to_where_it_is(
    move: Move, table: Table, ends: frozenset[Any], states: type[StrEnum]
) -> None:
    assert all(state not in onward for state, onward in table.items())


@each
def test_from_everywhere_there_is_a_way_to_an_end(
    move: Move, table: Table, ends: frozenset[Any], states: type[StrEnum]
) -> None:
    assert ends
    for state in states:
        assert state in ends or reached(table, state) & ends


@each
def test_an_end_is_left_only_to_wait_again(
    move: Move, table: Table, ends: frozenset[Any], states: type[StrEnum]
) -> None:
    first = next(iter(states))
    for end in ends:
        assert table[end] <= {first}


def test_what_is_for_ever() -> None:
    assert {state for state in SweepState if not SWEEP_MOVES[state]} == {SweepState.CANCELLED}
    still = {state for state in TrialState if not TRIAL_MOVES[state]}
    assert still == {TrialState.DONE, TrialState.STOPPED}


@each
@given(data=st.data())
def test_any_walk_of_wishes_stays_inside_the_table(
    move: Move,
    table: Table,
    ends: frozenset[Any],
    states: type[StrEnum],
    data: st.DataObject,
) -> None:
    """Refused wishes leave the walker where it is."""
    now = next(iter(states))
    for wish in data.draw(st.lists(st.sampled_from(list(states)), max_size=20)):
        if wish in table[now]:
            now = move(now, wish)
            assert now is wish
            continue
        with pytest.raises(IllegalMoveError, match=f"that is {now} cannot become {wish}") as found:
            move(now, wish)
        assert all(str(onward) in str(found.value) for onward in table[now])
