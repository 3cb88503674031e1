from __future__ import annotations

import math
from typing import Any

import pytest
from stories import Script, make_report, make_spec

from sweeps.lifecycle import AttemptEnd
from sweeps.pruners.halving import HalvingPruner
from sweeps.trial import Action, Verdict

# Rungs at points 1, 3 and 9 of 10.
PRUNING = {"type": "halving"}
PAUSE = Verdict(action=Action.PAUSE, reason="test", message="As the test says.")
UP = {"name": "eval_loss", "goal": "maximize"}


def pruner(**changes: Any) -> HalvingPruner:
    return HalvingPruner(make_spec(**{"pruning": PRUNING, **changes}))


def at(point: int, *values: float | None, **params: Any) -> Script:
    """Trials that were parked at `point`, each with its metric there."""
    script = Script()
    for value in values:
        park(script, script.ask(**params), point, value)
    return script


def park(script: Script, number: int, point: int, value: float | None) -> None:
    script.say(number, make_report(point, value), PAUSE)
    script.end(number, AttemptEnd.PAUSED, point * 100)


def judged(script: Script, point: int, value: float | None, **changes: Any) -> Verdict:
    """The verdict on a new trial that comes to `point`."""
    params = changes.pop("params", {})
    return pruner(**changes).judge(script.story, script.ask(**params), make_report(point, value))


def test_the_first_ones_wait_until_eta_are_there() -> None:
    found = judged(at(1, 5.0), 1, 4.0)
    assert (found.action, found.reason) == (Action.PAUSE, "halving")
    assert found.message == (
        "At point 1 of 10 (100 samples) its eval_loss was 4. So far 2 trials got here, too few for "
        "one to go on. It is parked."
    )
    evidence = found.evidence
    assert (evidence.signal, evidence.value, evidence.cutoff) == ("eval_loss", 4.0, None)
    assert evidence.peers == [0]
    assert evidence.details == {
        "point": 1,
        "samples": 100,
        "peers": 1,
        "reached": 2,
        "places": 0,
        "broken": 0,
    }


def test_among_the_best_it_goes_straight_on() -> None:
    found = judged(at(1, 5.0, 6.0), 1, 4.0)
    assert (found.action, found.reason) == (Action.CONTINUE, "halving")
    assert (found.evidence.cutoff, found.evidence.peers) == (4.0, [0, 1])
    assert "Of 3 trials that got here the best 1 go on, the last of them at 4." in found.message


def test_not_among_the_best_it_is_parked() -> None:
    found = judged(at(1, 5.0, 3.0), 1, 4.0)
    assert found.action is Action.PAUSE
    assert (found.evidence.value, found.evidence.cutoff) == (4.0, 3.0)


def test_a_tie_with_the_last_goes_on() -> None:
    assert judged(at(1, 5.0, 4.0), 1, 4.0).action is Action.CONTINUE


@pytest.mark.parametrize(("eta", "go_on"), [(2, {1, 2, 3, 4}), (3, {1, 2}), (5, {1})])
def test_one_in_eta_goes_on(eta: int, go_on: set[int]) -> None:
    """Seven are there; the eighth comes with rank r."""
    ranks = range(1, 9)
    found = {
        rank
        for rank in ranks
        if judged(
            at(1, *[float(other) for other in ranks if other != rank]),
            1,
            float(rank),
            pruning={"type": "halving", "eta": eta},
        ).action
        is Action.CONTINUE
    }
    assert found == go_on


def test_maximize_turns_it_round() -> None:
    assert judged(at(1, 5.0, 3.0), 1, 6.0, metric=UP).action is Action.CONTINUE
    assert judged(at(1, 5.0, 3.0), 1, 4.0, metric=UP).evidence.cutoff == 5.0


def test_the_value_at_the_rung_counts_and_not_the_best_so_far() -> None:
    script = at(1, 5.0, 6.0, 7.0)
    number = script.ask()
    script.say(number, make_report(1, 1.0))
    script.say(number, make_report(2, 1.0))
    for other in (0, 1):
        script.start(other)
        park(script, other, 3, 5.0)
    found = pruner().judge(script.story, number, make_report(3, 6.0))
    assert found.action is Action.PAUSE
    assert found.evidence.peers == [0, 1]


@pytest.mark.parametrize("point", [2, 4, 5, 8])
def test_between_the_rungs_nobody_is_judged(point: int) -> None:
    script = at(1, 5.0, 6.0)
    number = script.ask()
    for before in (1, 3):
        if before < point:
            script.say(number, make_report(before, 9.0))
    found = pruner().judge(script.story, number, make_report(point, 9.0))
    assert found.reason == "none"


def test_a_missing_metric_puts_the_rung_off_to_where_it_is_measured() -> None:
    script = at(2, 5.0, 6.0)
    number = script.ask()
    assert pruner().judge(script.story, number, make_report(1, None)).reason == "none"
    script.say(number, make_report(1, None))
    assert pruner().judge(script.story, number, make_report(2, 7.0)).action is Action.PAUSE
    assert pruner().judge(script.story, number, make_report(2, 7.0)).evidence.peers == [0, 1]
    script.say(number, make_report(2, 4.0))
    assert pruner().judge(script.story, number, make_report(3, 9.0)).evidence.peers == []


def test_trials_that_skip_a_point_are_compared_with_those_that_skip_it_too() -> None:
    """Steps of 350 samples report at points 3, 7 and 10."""
    script = at(3, 1.0, 1.0, 1.0, global_batch_size=100)
    for record in script.story.trials.values():
        record.reports[1] = make_report(1, 1.0)
    large = {"global_batch_size": 350}
    for value in (7.0, 8.0):
        park(script, script.ask(**large), 3, value)
    # All of them are at point 3, which is a rung of both batch sizes.
    assert judged(script, 3, 6.0, params=large).evidence.peers == [0, 1, 2, 3, 4]
    # Only the large ones have point 7 for a rung: it is their first one after mark 3 that counts.
    seventh = at(7, 1.0, 1.0, 1.0)
    for record in seventh.story.trials.values():
        record.reports[3] = make_report(3, 1.0)
    for value in (7.0, 8.0):
        park(seventh, seventh.ask(**large), 7, value)
    assert judged(seventh, 7, 6.0, params=large).evidence.peers == [3, 4]


def test_a_rung_inside_the_warmup_is_decided_at_the_first_point_after_it() -> None:
    """Warmup of 30 steps of 10 ends at point 3; the first point past it is 4."""
    warm = {"warmup_steps": 30}
    script = at(4, 5.0, 6.0, **warm)
    for cold in (script.ask(), script.ask(), script.ask()):
        script.say(cold, make_report(1, 1.0))
        script.say(cold, make_report(3, 1.0))
        script.say(cold, make_report(4, 1.0))
    number = script.ask(**warm)
    rule = pruner()
    assert rule.judge(script.story, number, make_report(3, 9.0)).reason == "none"
    found = rule.judge(script.story, number, make_report(4, 9.0))
    assert found.action is Action.PAUSE
    assert found.evidence.peers == [0, 1]


def test_other_cohorts_do_not_compete() -> None:
    script = at(1, 1.0, 1.0, 1.0, lr_scheduler_type="cosine")
    assert judged(script, 1, 4.0).evidence.peers == []


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("goal", ["minimize", "maximize"])
def test_what_is_not_finite_is_parked_and_never_comes_back(value: float, goal: str) -> None:
    metric = {"name": "eval_loss", "goal": goal}
    script = at(1, value)
    assert pruner(metric=metric).revive(script.story, last=True, more=False) is None
    found = judged(script, 1, value, metric=metric)
    assert found.action is Action.PAUSE
    assert judged(at(1, value, value), 1, value, metric=metric).action is Action.PAUSE
    assert judged(at(1, value, value), 1, 5.0, metric=metric).action is Action.CONTINUE


def test_nothing_is_fit_to_go_on_when_nothing_is_finite() -> None:
    found = judged(at(1, math.nan, math.nan), 1, math.nan)
    assert "Of 3 trials that got here, none is fit to go on." in found.message
    assert found.evidence.cutoff is None


def test_a_signal_of_the_windows_can_be_the_metric() -> None:
    script = Script()
    for loss in (1.0, 2.0):
        number = script.ask()
        script.say(number, make_report(1, losses=(loss, loss)), PAUSE)
        script.end(number, AttemptEnd.PAUSED, 100)
    found = judged(script, 1, None, metric={"name": "loss", "goal": "minimize"})
    assert (found.action, found.evidence.signal) == (Action.CONTINUE, "loss")


def test_settings_of_another_pruner_are_a_mistake_of_the_code() -> None:
    with pytest.raises(TypeError, match="never"):
        HalvingPruner(make_spec(pruning={"type": "never"}))
