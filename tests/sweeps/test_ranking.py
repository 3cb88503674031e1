from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stories import Script, make_report, make_spec

from sweeps.lifecycle import AttemptEnd
from sweeps.ranking import Ranked, rank, standings, stop_verdict, stopped, unranked
from sweeps.trial import Action, TrialRecord, Verdict

STOP = Verdict(action=Action.STOP, reason="median", message="Worse than the median.")
UP = {"name": "eval_loss", "goal": "maximize"}


def records(script: Script) -> list[TrialRecord]:
    return list(script.story.trials.values())


def ranks(finals: list[float], error: float | None = None, **spec: Any) -> list[tuple[int, int]]:
    """(trial, rank) of trials with these finals, in the order of the ranking."""
    script = Script()
    for value in finals:
        script.run(value, error=error)
    return [(row.trial, row.rank) for row in rank(make_spec(**spec), records(script))]


def test_best_first_by_the_goal() -> None:
    assert ranks([2.0, 1.0, 3.0], error=0.1) == [(1, 1), (0, 2), (2, 3)]
    assert ranks([2.0, 1.0, 3.0], error=0.1, metric=UP) == [(2, 1), (0, 2), (1, 3)]


def test_zero_and_negative_finals_rank_like_any_other() -> None:
    assert ranks([1.0, 0.0, -1.0], error=0.1) == [(2, 1), (1, 2), (0, 3)]


def test_equal_finals_share_a_rank_and_keep_the_order_asked() -> None:
    assert ranks([2.0, 1.0, 1.0, 3.0, 1.0], error=0.1) == [
        (1, 1), (2, 1), (4, 1), (0, 4), (3, 5),
    ]  # fmt: skip


@pytest.mark.parametrize("error", [None, 0.0, math.nan, math.inf])
def test_without_an_error_nothing_is_told_apart(error: float | None) -> None:
    assert ranks([2.0, 1.0, 9.0], error=error) == [(1, 1), (0, 1), (2, 1)]


def test_single_runs_differ_beyond_the_error_of_their_difference() -> None:
    """1.96 x sqrt(2) x 0.5 = 1.386."""
    assert ranks([1.0, 2.38, 2.39], error=0.5) == [(0, 1), (1, 1), (2, 3)]


def test_ties_do_not_chain() -> None:
    """Each is within noise of its neighbour, but the last is far from the first."""
    assert [place for _, place in ranks([1.0, 1.125, 1.25, 1.375], error=0.125)] == [1, 1, 1, 4]


def test_nan_and_infinite_finals_are_not_ranked() -> None:
    script = Script()
    numbers = [script.run(value) for value in (math.nan, 1.0, math.inf, -math.inf, None)]
    spec = make_spec()
    assert [row.trial for row in rank(spec, records(script))] == [numbers[1]]
    left_out = {row.trial: row.reason for row in unranked(spec, records(script))}
    assert set(left_out) == {0, 2, 3, 4}
    assert "not a finite number" in left_out[0]
    assert "not reported at the last decision point" in left_out[4]


def test_a_row_carries_what_its_trial_did() -> None:
    script = Script()
    trial = script.run(2.0, 1.0, error=0.5, learning_rate=0.7)
    (row,) = rank(make_spec(), records(script))
    assert row == Ranked(
        trial=trial,
        params={"global_batch_size": 10, "learning_rate": 0.7},
        state="DONE",
        final=1.0,
        stderr=0.5,
        rank=1,
        samples=1000,
        seconds=10.0,
        mean=1.0,
        error=0.5,
    )


def test_the_best_so_far_does_not_rank_a_trial() -> None:
    """0 ends worse than 1, although it was better on the way."""
    script = Script()
    script.run(0.1, 5.0)
    script.run(4.0, 4.0)
    assert [row.trial for row in rank(make_spec(), records(script))] == [1, 0]


@given(
    st.lists(
        st.floats(allow_nan=True, allow_infinity=True) | st.sampled_from([0.0, 1.0]), max_size=8
    ),
    st.sampled_from(["minimize", "maximize"]),
    st.none() | st.floats(0, 2),
)
def test_a_ranking_is_sorted_and_finite(
    finals: list[float], goal: str, error: float | None
) -> None:
    script = Script()
    for value in finals:
        script.run(value, error=error)
    spec = make_spec(metric={"name": "eval_loss", "goal": goal})
    rows = rank(spec, records(script))
    assert len(rows) == sum(map(math.isfinite, finals))
    assert len(rows) + len(unranked(spec, records(script))) == len(finals)
    sign = 1 if goal == "minimize" else -1
    assert [row.final for row in rows] == sorted((r.final for r in rows), key=lambda v: sign * v)
    places = sorted(row.rank for row in rows)
    assert rows == [] or rows[0].rank == 1
    assert all(place == 1 + places.index(place) for place in places)


def test_standings_are_the_unfinished_by_their_best_value() -> None:
    script = Script()
    done, running, parked = script.run(1.0), script.ask(), script.ask()
    script.say(running, make_report(1, 3.0))
    script.say(running, make_report(2, 5.0))
    script.say(parked, make_report(4, 2.0))
    script.end(parked, AttemptEnd.PAUSED, 400)
    silent = script.ask()
    script.say(silent, make_report(1))
    rows = standings(make_spec().spec.metric, records(script))
    assert [(r.trial, r.best_so_far, r.point, r.samples) for r in rows] == [
        (parked, 2.0, 4, 400),
        (running, 3.0, 2, 200),
    ]
    assert done not in [row.trial for row in rows]


def test_a_value_that_was_never_finite_stands_last() -> None:
    script = Script()
    for value in (math.nan, 2.0):
        script.say(script.ask(), make_report(1, value))
    rows = standings(make_spec().spec.metric, records(script))
    assert [row.trial for row in rows] == [1, 0]
    assert math.isnan(rows[1].best_so_far)


def test_stopped_trials_say_why() -> None:
    script = Script()
    pruned, by_user, failed, cancelled = (script.ask() for _ in range(4))
    script.stop(pruned, 300, STOP)
    script.stop(by_user, 200)
    script.end(failed, AttemptEnd.FAILED, 0, error="out of memory", gave_up=True)
    script.run(1.0)
    rows = {row.trial: row for row in stopped(records(script))}
    assert set(rows) == {pruned, by_user, failed}
    assert (rows[pruned].reason, rows[pruned].message) == ("median", "Worse than the median.")
    assert (rows[pruned].point, rows[pruned].samples) == (3, 300)
    assert (rows[by_user].reason, rows[by_user].message) == ("user", "Stopped by the user.")
    assert rows[failed].reason == "failed"
    assert rows[failed].message == "Gave up after 1 attempt: out of memory"
    assert cancelled not in rows


def test_the_stop_verdict_is_the_last_one_and_only_if_it_stops() -> None:
    script = Script()
    trial = script.ask()
    script.say(trial, make_report(1))
    assert stop_verdict(script.story.trials[trial]) is None
    script.say(trial, make_report(2), STOP)
    assert stop_verdict(script.story.trials[trial]) == STOP


@pytest.mark.parametrize("reason", ["budget", "user"])
def test_who_stopped_it(reason: str) -> None:
    script = Script()
    trial = script.ask()
    script.end(trial, AttemptEnd.STOPPED, 10, stop_reason=reason)
    (row,) = stopped(records(script))
    assert row.reason == reason
    assert reason in row.message
