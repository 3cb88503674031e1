from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from panels import KEPT, base_row, finish, limited
from stories import Script, make_report, make_spec

from sweeps.lifecycle import AttemptEnd
from sweeps.ranking import Ranked, eligible, rank, standings, stop_verdict, stopped, unranked
from sweeps.trial import Action, Role, TrialRecord, Verdict

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


def test_an_audit_is_marked() -> None:
    script = Script()
    script.run(2.0, 1.0)
    script.audit(3.0, 0.5)
    assert [(r.trial, r.audited) for r in rank(make_spec(), records(script))] == [
        (1, True),
        (0, False),
    ]


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


UNSEEN = {"model": {"tiny": "llama"}, "data": {"train": "a", "eval": "b", "unseen": "c"}}


def two_halves(script: Script, dev: float, unseen: float | None, **more: Any) -> int:
    """A trial with these finals on the eval set and on the unseen one; `error` is of the latter."""
    number = script.ask(role=more.pop("role", Role.SEARCH), **more.pop("params", {}))
    found = {} if unseen is None else {"unseen_loss": unseen}
    if "error" in more:
        found["unseen_loss_stderr"] = more["error"]
    script.say(number, make_report(10, dev, metrics={**found, "eval_loss_stderr": 0.01}))
    script.end(number)
    return number


def test_finished_trials_are_ranked_by_the_unseen_sets() -> None:
    """The one that looked best along the way is not; ties are told by the unseen error."""
    script = Script()
    for dev, unseen in ((1.0, 2.0), (1.1, 1.5), (1.2, 1.6), (1.3, 1.9)):
        two_halves(script, dev, unseen, error=0.1)
    found = rank(make_spec(workload=UNSEEN), records(script))
    assert [(row.trial, row.rank, row.mean, row.final) for row in found] == [
        (1, 1, 1.5, 1.1), (2, 1, 1.6, 1.2), (3, 3, 1.9, 1.3), (0, 3, 2.0, 1.0),
    ]  # fmt: skip
    assert (found[0].error, found[0].stderr) == (0.1, 0.01)


@pytest.mark.parametrize(
    ("unseen", "said"), [(math.nan, "is not a finite number"), (None, "was not reported")]
)
def test_without_an_unseen_final_a_trial_is_not_ranked(unseen: float | None, said: str) -> None:
    script, spec = Script(), make_spec(workload=UNSEEN)
    two_halves(script, 0.5, unseen)
    two_halves(script, 1.0, 1.0)
    assert [row.trial for row in rank(spec, records(script))] == [1]
    (left_out,) = unranked(spec, records(script))
    assert (left_out.trial, left_out.final) == (0, 0.5)
    assert "unseen_loss" in left_out.reason
    assert said in left_out.reason


def test_confirmed_means_are_those_of_the_unseen_sets() -> None:
    script, spec = Script(), make_spec(workload=UNSEEN, confirm={"top": 1, "seeds": 3})
    two_halves(script, 1.0, 0.1)
    for unseen in (1.5, 1.7, math.nan):
        two_halves(script, 1.0, unseen, role=Role.CONFIRM)
    (row,) = rank(spec, records(script))
    assert (row.mean, row.runs, row.broken, row.basis) == (1.6, 2, 1, "confirm")


def test_those_that_break_a_limit_come_last() -> None:
    """Trial 1 has the best loss by far, and forgot too much for it."""
    script = Script()
    base_row(script)
    for loss, kept in ((0.1, 0.5), (1.0, 0.75), (1.1, 0.8), (0.2, math.nan)):
        finish(script, loss, kept)
    found = rank(limited(), records(script))
    assert [(row.trial, row.over) for row in found] == [
        (2, []), (3, []), (1, [KEPT]), (4, [KEPT]),
    ]  # fmt: skip
    assert [row.rank for row in found] == [1, 1, 3, 3]
    assert [row.drops[KEPT] for row in found] == pytest.approx(
        [0.05, 0, 0.3, math.nan], nan_ok=True
    )
    assert [row.trial for row in eligible(found)] == [2, 3]


def test_a_confirmed_one_is_judged_by_its_fresh_runs() -> None:
    """The search run kept to the limit; on fresh seeds it does not, on average."""
    script, spec = Script(), limited(confirm={"top": 2, "seeds": 2})
    base_row(script)
    for loss, rate in ((1.0, 0.1), (1.1, 0.2)):
        finish(script, loss, 0.75, learning_rate=rate)
    for kept, rate in ((0.72, 0.1), (0.6, 0.1), (0.75, 0.2), (0.66, 0.2)):
        finish(script, 1.0, kept, Role.CONFIRM, learning_rate=rate)
    found = rank(spec, records(script))
    assert [(row.trial, row.over, row.rank) for row in found] == [(2, [], 1), (1, [KEPT], 2)]
    assert found[1].drops[KEPT] == pytest.approx(0.14)
