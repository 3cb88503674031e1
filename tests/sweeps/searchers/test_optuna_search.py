from __future__ import annotations

import cProfile
import json
import math
import os
import pstats
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState as State
from stories import HORIZON, Script, make_report, make_spec

from sweeps.journal import ENTRIES, Asked
from sweeps.lifecycle import AttemptEnd, StopReason
from sweeps.points import RunPlan
from sweeps.pruners import PRUNERS
from sweeps.searchers import make_searcher
from sweeps.searchers.base import Searcher
from sweeps.searchers.knobs import distance, knobs_of
from sweeps.searchers.optuna_search import (
    CmaesSearcher,
    GpSearcher,
    ModelSearcher,
    OptunaSearcher,
    TpeSearcher,
)
from sweeps.simulator.simulate import drive
from sweeps.spec import SweepSpec
from sweeps.trial import Action, Params, Report, Trial, Verdict

METHODS = ("cmaes", "gp", "qmc", "tpe")
MODELS: dict[str, Callable[[SweepSpec, int], ModelSearcher]] = {
    "cmaes": CmaesSearcher,
    "gp": GpSearcher,
    "tpe": TpeSearcher,
}
BATCHES = {"values": [8, 16, 32, 64, 128, 256]}
RATE = {"distribution": "log_uniform_values", "min": 1e-6, "max": 1e-2}
UNIT = {"distribution": "uniform", "min": 0, "max": 1}
LONG = 100_000
# Calls of functions that an ask may make where there is nothing to find: a second or two.
MUCH = 3_000_000
PRUNED = Verdict(action=Action.STOP, reason="median", message="worse than its peers")
CONDITIONAL = {
    "global_batch_size": BATCHES,
    "learning_rate": RATE,
    "word": {"values": ["a", "b", "c"]},
    "more": {**UNIT, "when": {"word": "b"}},
    "paired": [{"p": 1, "q": "x"}, {"p": 2, "q": "y"}],
}


def spec_of(name: str, parameters: dict[str, Any] | None = None, **changes: Any) -> SweepSpec:
    method = {"type": name, **changes.pop("method", {})}
    space = parameters or {"global_batch_size": BATCHES, "learning_rate": RATE}
    full = {"parameters": space, "budget": {"trials": 2000}, **changes}
    return make_spec(method=method, **full)


def bowl(params: Params) -> float:
    """A smooth valley, turned against both axes: 0 at a rate of 5e-5 and a batch of 32."""
    rate = math.log10(float(params["learning_rate"]) / 5e-5)
    batch = math.log2(int(params["global_batch_size"]) / 32)
    return rate**2 + 0.15 * batch**2 + 0.2 * rate * batch


def finish(script: Script, body: Asked, value: float | None) -> None:
    script.add(body)
    script.start(body.trial)
    script.say(body.trial, make_report(10, value))
    script.end(body.trial)


def searched(searcher: Searcher, trials: int, script: Script | None = None) -> list[Params]:
    """Ask, run on the bowl and finish, one after the other."""
    script = script or Script()
    for _ in range(trials):
        body = searcher.ask(script.story)
        assert body is not None
        finish(script, body, 1 + bowl(body.params))
    return [record.trial.params for record in script.story.trials.values()]


def mixed_story() -> Script:
    """One trial of each fate: finished (2.0 and 3.0), failed, NaN, pruned, running, parked."""
    script = Script()
    script.run(2.5, 2.0, learning_rate=1e-3, global_batch_size=16)
    script.run(3.0, learning_rate=1e-4, global_batch_size=16)
    failed = script.ask(learning_rate=2e-3, global_batch_size=16)
    script.end(failed, AttemptEnd.FAILED, 0, error="boom", gave_up=True)
    script.run(math.nan, learning_rate=3e-3, global_batch_size=16)
    pruned = script.ask(learning_rate=4e-3, global_batch_size=16)
    script.say(pruned, make_report(2, 9.0))
    script.say(pruned, make_report(3, 8.0), PRUNED)
    script.end(pruned, AttemptEnd.STOPPED, 300, stop_reason=StopReason.PRUNED)
    script.ask(learning_rate=5e-3, global_batch_size=32)
    parked = script.ask(learning_rate=6e-3, global_batch_size=32)
    script.say(parked, make_report(1, 7.0))
    script.end(parked, AttemptEnd.PAUSED, 100)
    return script


def test_tpe_is_told_failed_and_pruned_as_such() -> None:
    study = TpeSearcher(spec_of("tpe"), LONG).study(mixed_story().story)
    assert [(trial.state, trial.value) for trial in study.trials] == [
        (State.COMPLETE, 2.0),
        (State.COMPLETE, 3.0),
        (State.FAIL, None),
        (State.FAIL, None),
        (State.PRUNED, None),
        (State.RUNNING, None),
        (State.PRUNED, None),
    ]
    assert study.trials[6].intermediate_values == {1: 7.0}
    assert study.trials[4].intermediate_values == {2: 9.0, 3: 8.0}
    assert study.trials[4].params == {"global_batch_size": 1, "learning_rate": 4e-3}
    assert study.direction is optuna.study.StudyDirection.MINIMIZE


@pytest.mark.parametrize("name", ["gp", "cmaes"])
@pytest.mark.parametrize(("goal", "worst"), [("minimize", 3.0), ("maximize", 2.0)])
def test_models_of_values_are_told_the_worst_for_what_has_none(
    name: str, goal: str, worst: float
) -> None:
    spec = spec_of(name, metric={"name": "eval_loss", "goal": goal})
    study = MODELS[name](spec, LONG).study(mixed_story().story)
    done = [(State.COMPLETE, value) for value in (2.0, 3.0, worst, worst, worst)]
    found = [(trial.state, trial.value) for trial in study.trials]
    assert found == [*done, (State.RUNNING, None), (State.COMPLETE, worst)]
    assert [trial.number for trial in study.trials] == list(range(7))
    assert study.direction.name.lower() == goal


@pytest.mark.parametrize("name", METHODS)
def test_of_mixed_stories_every_method_makes_something(name: str) -> None:
    script = mixed_story()
    for start in range(5):
        searcher = make_searcher(spec_of(name), LONG)
        body = searcher.ask(script.story)
        assert body is not None
        assert body.trial == 7 + start
        script.add(body)


def test_a_gaussian_process_leaves_a_place_that_is_pruned() -> None:
    """Optuna's own ignores pruned trials: it then asks for the same place until the budget ends."""
    spec = spec_of("gp", {"learning_rate": RATE, "x": UNIT}, method={"n_startup_trials": 6})
    script, searcher, knobs = Script(), GpSearcher(spec, LONG), knobs_of(spec.spec.parameters)
    for number in range(6):
        script.run(1.0 + number % 3, learning_rate=10 ** (-2.5 - number / 2), x=number / 6)
        del script.story.trials[number].trial.params["global_batch_size"]
    asked: list[Params] = []
    for _ in range(3):
        body = searcher.ask(script.story)
        assert body is not None
        asked.append(body.params)
        script.add(body)
        script.start(body.trial)
        script.say(body.trial, make_report(1, 9.0), PRUNED)
        script.end(body.trial, AttemptEnd.STOPPED, 100, stop_reason=StopReason.PRUNED)
    gaps = [distance(knobs, asked[i], asked[j]) for i in range(3) for j in range(i)]
    assert min(gaps) > 0.02


def test_cmaes_lives_through_its_generations() -> None:
    script, searcher = Script(), CmaesSearcher(spec_of("cmaes", method={"popsize": 5}), LONG)
    searched(searcher, 17, script)
    # The first is random, then come three generations of five, and one trial of the fourth.
    generations = [
        t.system_attrs.get("cma:generation") for t in searcher.study(script.story).trials
    ]
    assert generations == [None, *[0] * 5, *[1] * 5, *[2] * 5, 3]


@pytest.mark.parametrize("name", ["cmaes", "gp", "tpe"])
def test_models_go_on_choosing_together_when_a_parameter_comes_and_goes(name: str) -> None:
    """Optuna's CMA-ES takes `more` for one of its own after a few trials that have it, and chooses
    nothing any more once one has it not."""
    searcher = MODELS[name](spec_of(name, CONDITIONAL, method={"n_startup_trials": 2}), LONG)
    script = Script()
    for number in range(12):
        cell: Params = {"global_batch_size": 2 ** (3 + number % 6), "learning_rate": 10**-4.0}
        cell |= {"word": "b", "more": number / 12} if number < 9 else {"word": "a"}
        cell |= {"p": 1, "q": "x"}
        finish(script, Asked(trial=number, params=cell), float(number))
    together = set(searcher.study(script.story).ask().relative_params)
    numbers = {"global_batch_size", "learning_rate"}
    assert together == (numbers if name == "cmaes" else {*numbers, "word", "paired"})


@pytest.mark.parametrize("name", METHODS)
def test_a_space_that_lets_nothing_run_ends_the_search_soon(name: str) -> None:
    """Nobody can list it, so nobody knows before asking."""
    space = {
        "global_batch_size": {"value": 10},
        "learning_rate": RATE,
        "warmup_steps": {"value": 500},
    }
    searcher = make_searcher(spec_of(name, space), HORIZON)

    def ask() -> None:
        assert not searcher.exhausted(Script().story)
        assert searcher.ask(Script().story) is None

    assert calls(ask) < MUCH


@pytest.mark.parametrize("name", ["gp", "tpe"])
def test_startup_draws_depend_on_seed_and_number_not_on_history(name: str) -> None:
    one, other = Script(), Script()
    for number in range(3):
        one.run(1.0, learning_rate=1e-3 / (number + 1), global_batch_size=8)
        other.run(9.0, learning_rate=1e-5 / (number + 1), global_batch_size=64)
    first = make_searcher(spec_of(name), LONG)
    same = [first.ask(script.story) for script in (one, other)]
    assert same[0] == same[1]
    assert make_searcher(spec_of(name, seed=5), LONG).ask(one.story) != same[0]
    one.run(1.0, learning_rate=1e-4, global_batch_size=8)
    assert getattr(first.ask(one.story), "params", None) != getattr(same[0], "params", None)


def test_a_proposal_that_was_asked_before_gives_way_to_its_neighbour() -> None:
    axis = {"values": list(range(10))}
    script = Script()
    searcher = GpSearcher(spec_of("gp", {"n": axis}, method={"n_startup_trials": 4}), LONG)
    for number, value in enumerate((1, 2, 4, 5, 6, 7, 8, 9)):
        finish(script, Asked(trial=number, params={"n": value}), float(abs(value - 6)))
    proposed = searcher.study(script.story).ask().suggest_int("n", 0, 9)
    body = searcher.ask(script.story)
    assert body is not None
    assert (proposed, body.params) == (6, {"n": 3})


@pytest.mark.parametrize("name", ["cmaes", "gp", "tpe"])
def test_settings_of_another_method_are_a_mistake_of_the_code(name: str) -> None:
    other = "tpe" if name != "tpe" else "gp"
    with pytest.raises(TypeError, match="got the settings of"):
        MODELS[name](spec_of(other), LONG).ask(Script().story)


@pytest.mark.parametrize("name", METHODS)
def test_to_be_exhausted_nothing_is_sampled(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    searcher = make_searcher(spec_of(name, {"n": {"values": [1, 2, 3]}}), LONG)
    monkeypatch.setattr(OptunaSearcher, "_next", None)
    script = Script()
    for number in (1, 2, 3):
        assert not searcher.exhausted(script.story)
        script.add(Asked(trial=number - 1, params={"n": number}))
    assert searcher.exhausted(script.story)


def calls(act: Callable[[], object]) -> int:
    """How many calls of functions `act` makes, its own included: the same on every machine."""
    with cProfile.Profile() as profile:
        act()
    return int(pstats.Stats(profile).total_calls)  # type: ignore[attr-defined]


def test_the_work_of_an_ask_grows_no_faster_than_the_trials() -> None:
    """And to know that there is more to ask takes a hundredth of an ask."""
    searcher = TpeSearcher(spec_of("tpe"), LONG)
    asked, polled = list[int](), list[int]()
    for size in (100, 400):
        script = Script()
        for number in range(size):
            batch = BATCHES["values"][number % 6]
            cell: Params = {"learning_rate": 1e-6 * 1.02**number, "global_batch_size": batch}
            finish(script, Asked(trial=number, params=cell), bowl(cell))
        asked.append(calls(partial(searcher.ask, script.story)))
        polled.append(calls(partial(searcher.exhausted, script.story)))
    assert asked[1] < 4.5 * asked[0]
    assert polled[1] < asked[1] / 100


CHILD = """
import json, sys
from sweeps.journal import ENTRIES, fold
from sweeps.searchers import make_searcher
from sweeps.spec import parse
told = json.load(sys.stdin)
story = fold(ENTRIES.validate_json(told["entries"]))
for spec in told["specs"]:
    body = make_searcher(parse(spec), 100_000).ask(story)
    print(body.model_dump_json())
"""


def test_another_process_answers_the_same() -> None:
    """Through JSON and with another order of sets, as a driver after a crash."""
    learn = {"n_startup_trials": 3}
    specs = [spec_of(n, CONDITIONAL, method={} if n == "qmc" else learn) for n in METHODS]
    script = Script()
    searched(make_searcher(specs[-1], LONG), 8, script)
    pruned = script.ask(learning_rate=1e-3, global_batch_size=8, word="b", more=0.5, p=1, q="x")
    script.say(pruned, make_report(3, 8.0), PRUNED)
    script.end(pruned, AttemptEnd.STOPPED, 300, stop_reason=StopReason.PRUNED)
    script.ask(learning_rate=1e-4, global_batch_size=16, word="a", p=2, q="y")
    ours = [make_searcher(spec, LONG).ask(script.story) for spec in specs]
    entries = ENTRIES.dump_json(script.entries).decode()
    told = json.dumps({"entries": entries, "specs": [spec.dump() for spec in specs]})
    found = subprocess.run(
        [sys.executable, "-c", CHILD],
        input=told,
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[3],
        env={**os.environ, "PYTHONHASHSEED": "4711"},
    )
    theirs = [Asked.model_validate_json(line) for line in found.stdout.splitlines()]
    assert theirs == ours


@pytest.mark.parametrize(
    ("name", "trials", "sweeps"), [("tpe", 40, 8), ("cmaes", 40, 6), ("gp", 20, 2)]
)
def test_learning_beats_drawing(name: str, trials: int, sweeps: int) -> None:
    """Paired by the sweep's seed: the best of as many random draws is on average more than three
    times as far above the valley's ground. Measured over 12 seeds (GP: 5) at 40 trials: TPE 27
    times, CMA-ES a thousand times, GP more."""
    ours, drawn = [], []
    for seed in range(sweeps):
        for found, method in ((ours, name), (drawn, "random")):
            searcher = make_searcher(spec_of(method, seed=seed), LONG)
            found.append(min(map(bowl, searched(searcher, trials))))
    ratios = [math.log10(mine / theirs) for mine, theirs in zip(ours, drawn, strict=True)]
    assert sum(ratios) / sweeps < math.log10(1 / 3)
    assert sum(ours) < sum(drawn) / 3


def test_what_cannot_run_is_not_asked_though_a_model_wants_it() -> None:
    """A batch that leaves no room for the warmup is never asked, whatever a model proposes."""
    space = {
        "global_batch_size": {"values": [10, 20, 40]},
        "learning_rate": RATE,
        "warmup_steps": {"values": [0, 30]},
    }
    searcher = TpeSearcher(spec_of("tpe", space, method={"n_startup_trials": 3}), HORIZON)
    script = Script()
    for _ in range(15):
        body = searcher.ask(script.story)
        assert body is not None
        # The larger the batch and the warmup, the better: the model wants what cannot run.
        wanted = int(body.params["global_batch_size"]) + int(body.params["warmup_steps"])
        finish(script, body, -float(wanted))
        assert (body.params["global_batch_size"], body.params["warmup_steps"]) != (40, 30)


class _Bowl:
    """A run whose loss is a bowl over the learning rate, and falls a little along the way."""

    def __init__(self, trial: Trial, plan: RunPlan) -> None:
        off = math.log10(float(trial.params["learning_rate"])) + 4
        self._reports = (
            make_report(k, off**2 + 0.02 * (plan.points - k)).model_copy(
                update={"samples": plan.samples_at(k)}
            )
            for k in plan.reported_points()
        )

    def next_report(self) -> Report | None:
        return next(self._reports, None)


def _asked_under(pruner: str, startup: int) -> list[Any]:
    spec = make_spec(
        parameters={
            "learning_rate": {"distribution": "log_uniform_values", "min": 1e-6, "max": 1e-2},
            "global_batch_size": {"value": 10},
        },
        method={"type": "tpe", "n_startup_trials": startup},
        pruning={"type": pruner},
        budget={"trials": 24},
    )
    story = drive(spec, _Bowl, slots=2).story
    return [story.trials[number].trial.params["learning_rate"] for number in range(24)]


@pytest.mark.parametrize("pruner", PRUNERS)
def test_a_model_learns_from_the_first_trials_on_whatever_prunes(pruner: str) -> None:
    learned, drawn = _asked_under(pruner, 8), _asked_under(pruner, 10**6)
    first = next(n for n, pair in enumerate(zip(learned, drawn, strict=True)) if len({*pair}) > 1)
    assert 8 <= first <= 14
