from __future__ import annotations

import math

import pytest
from stories import Script, make_report, make_spec

from sweeps.journal import Story
from sweeps.keeping import best_finished, kept
from sweeps.lifecycle import AttemptEnd
from sweeps.trial import Role


@pytest.fixture
def story() -> Story:
    """0, 1, 3 finished; 4 finished as NaN; 2 was stopped; 5 failed, 6 is parked, 7 waits, 8 runs;
    9 finished best of all, but is no search trial."""
    script = Script()
    for final in (3.0, 1.0):
        script.run(final)
    script.end(script.ask(), AttemptEnd.STOPPED)
    script.run(2.0)
    script.run(math.nan)
    script.end(script.ask(), AttemptEnd.FAILED, error="Boom", gave_up=True)
    script.end(script.ask(), AttemptEnd.PAUSED)
    script.end(script.ask(), AttemptEnd.PREEMPTED)
    script.ask()
    base = script.ask(role=Role.BASE)
    script.say(base, make_report(10, 0.1))
    script.end(base)
    return script.story


@pytest.mark.parametrize(("keep", "best"), [(0, []), (1, [1]), (2, [1, 3]), (9, [1, 3, 0])])
def test_the_best_finished_ones_are_kept_and_those_that_may_go_on(
    story: Story, keep: int, best: list[int]
) -> None:
    spec = make_spec(checkpoints={"keep_best": keep})
    assert best_finished(spec, story) == best
    assert kept(spec, story, cancelled=False) == {*best, 5, 6, 7, 8}
    assert kept(spec, story, cancelled=True) == {*best, 8}


def test_one_is_kept_by_default_and_the_goal_says_which(story: Story) -> None:
    assert best_finished(make_spec(), story) == [1]
    most = {"name": "eval_loss", "goal": "maximize"}
    assert best_finished(make_spec(metric=most), story) == [0]


def finalists(*finals: float) -> Script:
    script = Script()
    for number, value in enumerate(finals):
        script.run(value, learning_rate=0.1 * (number + 1))
    return script


def test_until_the_finalists_are_confirmed_all_of_them_are_kept() -> None:
    """Then the confirmed means say which is best, whatever the search found."""
    spec, script = make_spec(confirm={"top": 2, "seeds": 1}), finalists(1.0, 2.0, 3.0)
    assert best_finished(spec, script.story) == [0, 1]
    for rate, value in ((0.1, 5.0), (0.2, 4.0)):
        run = script.ask(role=Role.CONFIRM, learning_rate=rate)
        assert kept(spec, script.story, cancelled=False) == {0, 1, run}
        script.say(run, make_report(10, value))
        script.end(run)
    assert best_finished(spec, script.story) == [1]
    assert kept(spec, script.story, cancelled=False) == {1}
    none = make_spec(confirm={"top": 2, "seeds": 1}, checkpoints={"keep_best": 0})
    assert best_finished(none, finalists(1.0, 2.0).story) == []


def test_of_equal_ones_the_one_asked_first_is_kept() -> None:
    script = Script()
    for _ in range(3):
        script.run(1.0)
    assert best_finished(make_spec(), script.story) == [0]
