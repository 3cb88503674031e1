from __future__ import annotations

import math
import random
from typing import Any

import pytest
from panels import DATA, KEPT, METRIC, base_row, finish, limited
from stories import Script, make_report, make_spec

from sweeps.champion import champion
from sweeps.confirming import confirmation
from sweeps.journal import Story
from sweeps.keeping import best_finished, kept
from sweeps.lifecycle import AttemptEnd
from sweeps.result import make_result
from sweeps.spec import SweepSpec
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


def test_the_weights_of_one_that_breaks_a_limit_are_not_kept() -> None:
    script = Script()
    base_row(script)
    for loss, kept_share in ((0.1, 0.2), (1.0, 0.8), (2.0, 0.8)):
        finish(script, loss, kept_share)
    assert best_finished(limited(checkpoints={"keep_best": 2}), script.story) == [2, 3]
    assert best_finished(limited(), script.story) == [2]


def test_until_the_base_model_is_evaluated_any_of_them_may_be_the_best() -> None:
    script = Script()
    base = script.ask(role=Role.BASE)
    for loss in (0.1, 1.0, 2.0):
        finish(script, loss, 0.6 + loss / 10)
    assert best_finished(limited(), script.story) == [1, 2, 3]
    assert best_finished(limited(checkpoints={"keep_best": 0}), script.story) == []
    script.say(base, make_report(10, 9.0, metrics={KEPT: 0.8}))
    script.end(base)
    assert best_finished(limited(), script.story) == [2]


def test_without_confirmation_those_stay_that_the_unseen_sets_rank_first() -> None:
    """With it the finalists are chosen by the metric, and the ranking of their runs decides."""
    data = {"train": "a", "eval": "b", "unseen": "c"}
    workload = {"model": {"tiny": "llama"}, "data": data}
    script = Script()
    for number, (dev, unseen) in enumerate(((1.0, 3.0), (2.0, 1.0), (3.0, 2.0))):
        trial = script.ask(learning_rate=0.1 * (number + 1))
        script.say(trial, make_report(10, dev, metrics={"unseen_loss": unseen}))
        script.end(trial)
    assert best_finished(make_spec(workload=workload), script.story) == [1]
    spec = make_spec(workload=workload, confirm={"top": 2, "seeds": 1})
    assert best_finished(spec, script.story) == [0, 1]
    for rate, unseen in ((0.1, 3.0), (0.2, 1.0)):
        trial = script.ask(role=Role.CONFIRM, learning_rate=rate)
        script.say(trial, make_report(10, 1.0, metrics={"unseen_loss": unseen}))
        script.end(trial)
    assert best_finished(spec, script.story) == [1]


def confirm(spec: SweepSpec, script: Script, loss: float, kept_share: float, **more: Any) -> int:
    """The next confirmation run, asked as a driver asks it."""
    asked = confirmation(spec, script.story)
    assert asked is not None
    params = {**asked.params, "seed": asked.seed, **more}
    metrics = params.pop("metrics", {})
    return finish(script, loss, kept_share, Role.CONFIRM, metrics=metrics, **params)


def test_one_is_still_there_when_confirmation_convicts_the_finalists() -> None:
    """They keep to the limit in the search and break it on fresh seeds: trial 3 is the best."""
    spec, script = limited(confirm={"top": 2, "seeds": 1}), Script()
    base_row(script)
    for number, loss in enumerate((1.0, 2.0, 3.0, 4.0), start=1):
        finish(script, loss, 0.8, learning_rate=0.1 * number)
    assert best_finished(spec, script.story) == [1, 2, 3]
    for loss in (1.0, 2.0):
        confirm(spec, script, loss, 0.5)
        assert best_finished(spec, script.story)[-1] == 3
    best = make_result(spec, script.story).best
    assert best is not None
    assert best_finished(spec, script.story) == [best.trial] == [3]


def test_the_unseen_half_may_convict_whom_the_eval_half_chose() -> None:
    """And acquit: trial 3 was no finalist for its drop in the eval half."""
    half = "unseen_kept_accuracy"
    data = {**DATA, "unseen": {"kept": "d", "taught": "e"}}
    metric = {**METRIC, "name": "eval_taught_loss"}
    spec = make_spec(
        workload={"model": {"tiny": "llama"}, "data": data},
        metric=metric,
        confirm={"top": 1, "seeds": 1},
    )
    script = Script()
    base_row(script, **{half: 0.8, "eval_taught_loss": 9.0, "unseen_taught_loss": 9.0})

    def both(loss: float, share: float) -> dict[str, float]:
        return {"eval_taught_loss": loss, "unseen_taught_loss": loss, half: share}

    for number, (loss, dev, unseen) in enumerate(
        ((1.0, 0.8, 0.8), (3.0, 0.8, 0.8), (2.0, 0.6, 0.8)), start=1
    ):
        rate = 0.1 * number
        finish(script, loss, dev, metrics=both(loss, unseen), learning_rate=rate)
    assert best_finished(spec, script.story) == [1, 3]
    confirm(spec, script, 1.0, 0.8, metrics=both(1.0, 0.5))
    assert best_finished(spec, script.story) == [3]


OVER_SEEDS = {
    "global_batch_size": {"value": 10},
    "learning_rate": {"values": [0.1, 0.2]},
    "seed": {"values": [1, 2]},
}


def test_in_a_search_over_seeds_the_configuration_is_judged_by_its_mean() -> None:
    """Trial 1 alone loses 0.15 of the accuracy, with its other seed 0.075 on average."""
    spec, script = limited(parameters=OVER_SEEDS), Script()
    base_row(script)
    finish(script, 1.0, 0.65, learning_rate=0.1, seed=1)
    assert kept(spec, script.story, cancelled=False) == {1}
    finish(script, 1.5, 0.8, learning_rate=0.1, seed=2)
    finish(script, 1.4, 0.8, learning_rate=0.2, seed=1)
    finish(script, 1.45, 0.8, learning_rate=0.2, seed=2)
    assert kept(spec, script.story, cancelled=False) == {1, 3}
    assert kept(spec, script.story, cancelled=False, complete=True) == {1}
    taken = champion(make_result(spec, script.story), {1})
    assert taken is not None
    assert taken.trial == 1


def test_between_two_trials_a_search_over_seeds_is_not_over() -> None:
    """Trial 0 is behind until the second seed of its rival comes out."""
    spec, script = make_spec(parameters=OVER_SEEDS), Script()
    script.run(1.0, learning_rate=0.1, seed=1)
    script.run(0.9, learning_rate=0.2, seed=1)
    assert kept(spec, script.story, cancelled=False) == {0, 1}
    script.run(1.1, learning_rate=0.1, seed=2)
    script.run(2.0, learning_rate=0.2, seed=2)
    assert kept(spec, script.story, cancelled=False, complete=True) == {0}


def test_the_recommended_one_stays_beside_the_best_where_runs_are_repeated() -> None:
    spec, script = make_spec(confirm={"top": 2, "seeds": 2}), finalists(1.0, 1.01, 3.0)
    for rate, value, seconds in ((0.1, 1.0, 40), (0.2, 1.01, 5), (0.1, 1.2, 40), (0.2, 1.21, 5)):
        run = script.ask(role=Role.CONFIRM, learning_rate=rate)
        script.say(run, make_report(10, value))
        script.end(run, seconds=seconds)
    found = make_result(spec, script.story)
    assert (found.ranking[0].trial, found.recommended) == (0, 1)
    assert best_finished(spec, script.story) == [0, 1]
    none = make_spec(confirm={"top": 2, "seeds": 2}, checkpoints={"keep_best": 0})
    assert best_finished(none, script.story) == []


@pytest.mark.parametrize("unseen", [False, True])
@pytest.mark.parametrize("limit", [False, True])
@pytest.mark.parametrize("repeated", ["no", "seeds", "confirm", "both"])
def test_what_is_kept_in_the_end_was_never_let_go(unseen: bool, limit: bool, repeated: str) -> None:
    for chance in range(8):
        _play(random.Random(chance), unseen=unseen, limit=limit, repeated=repeated)


def _play(dice: random.Random, *, unseen: bool, limit: bool, repeated: str) -> None:
    """A sweep of random results, some not finite, configurations tried twice, the base model
    evaluated at any time; every look lets go what it does not keep."""
    data = {**DATA, "unseen": {"kept": "d", "taught": "e"}} if unseen else DATA
    again = repeated in ("confirm", "both")
    spec = make_spec(
        workload={"model": {"tiny": "llama"}, "data": data},
        metric={"name": "eval_taught_loss", "goal": "minimize"}
        | ({"max_drop": {KEPT: 0.1}} if limit else {}),
        checkpoints={"keep_best": dice.randint(1, 3)},
        **({"parameters": OVER_SEEDS} if repeated in ("seeds", "both") else {}),
        **({"confirm": {"top": dice.randint(1, 3), "seeds": 2}} if again else {}),
    )
    script, gone, late = Script(), set[int](), dice.randrange(10)

    def metrics() -> dict[str, float]:
        names = ("eval_taught_loss", "unseen_taught_loss")
        losses = {n: dice.choice([dice.uniform(1, 2), dice.uniform(1, 2), math.nan]) for n in names}
        shares = {n: dice.uniform(0.6, 0.8) for n in (KEPT, "unseen_kept_accuracy")}
        return {**losses, **shares}

    def look(*, complete: bool = False) -> None:
        stay = kept(spec, script.story, cancelled=False, complete=complete)
        gone.update(script.story.trials.keys() - stay)

    for number in range(10):
        if number == late:
            more = {"eval_taught_loss": 3.0, "unseen_taught_loss": 3.0}
            base_row(script, **{**more, "unseen_kept_accuracy": 0.8})
        rate, seed = dice.choice([0.1, 0.2, 0.3, 0.4]), dice.randint(1, 2**20)
        own = {"seed": seed} if repeated in ("seeds", "both") else {}
        finish(script, 0.0, None, metrics=metrics(), learning_rate=rate, **own)
        look()
    while (asked := confirmation(spec, script.story)) is not None:
        finish(script, 0.0, None, Role.CONFIRM, metrics=metrics(), **asked.params)
        look()
    look(complete=True)
    best = make_result(spec, script.story).best
    assert not gone & set(best_finished(spec, script.story))
    assert best is None or best.trial in best_finished(spec, script.story)
