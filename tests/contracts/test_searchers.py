"""What every searcher keeps to, whatever its rule."""

from __future__ import annotations

import copy
import math
import random
from itertools import cycle
from typing import Any

import pytest
from stories import HORIZON, Script, make_report, make_spec

from sweeps.cells import refusal
from sweeps.journal import Asked, CommandApplied, Story, fold
from sweeps.lifecycle import AttemptEnd, StopReason
from sweeps.searchers import SEARCHERS, make_searcher
from sweeps.space import Range, excluded, grid, holds
from sweeps.spec import SweepSpec
from sweeps.trial import Action, Params, Role, Verdict

TRIALS = 7
# Models begin to learn within the few trials of these tests.
METHODS: dict[str, dict[str, Any]] = {
    name: {"type": name, **({"n_startup_trials": 4} if name in ("tpe", "gp") else {})}
    for name in sorted(SEARCHERS)
}
LISTED: dict[str, Any] = {
    "global_batch_size": {"values": [10, 20]},
    "learning_rate": {"values": [0.1, 0.2, 0.3]},
    "warmup_steps": {"values": [0, 1]},
    "exclude": [{"global_batch_size": 20, "learning_rate": 0.3}],
}
RATE = {"distribution": "log_uniform_values", "min": 1e-6, "max": 1e-2}
BATCH = {"values": [10, 20, 40]}
WHOLE = {"distribution": "int_uniform", "min": 1, "max": 9}
# Spaces by what is special in them. Those without a list for every axis are no grid's.
SPACES: dict[str, dict[str, Any]] = {
    "chained conditions": {
        "schedule": {"values": ["constant", "cosine", "wsd"]},
        "learning_rate": {"values": [1e-5, 1e-4, 1e-3]},
        "end": {"values": [0.1, 0.5], "when": {"decay": ["linear", True]}},
        "decay": {"values": ["linear", "sqrt", True], "when": {"schedule": "wsd"}},
    },
    "paired rows": {
        "learning_rate": {"values": [1e-4, 1e-5]},
        "extra": {"values": [1, 2], "when": {"wd": 0.0}},
        "paired": [{"beta": 0.9, "wd": 0.1}, {"beta": 0.95, "wd": 0.0}, {"beta": 0.9, "wd": 0.0}],
    },
    "values of every type": {
        "learning_rate": {"values": [1, 0.5]},
        "mixed": {"values": [1, True, "1", 1.5]},
        "constant": {"value": "x"},
    },
    "ranges": {
        "learning_rate": RATE,
        "layers": WHOLE,
        "dropout": {"distribution": "uniform", "min": 0, "max": 1, "when": {"layers": [1, 2, 3]}},
        "exclude": [{"layers": [4, 5]}],
    },
    "whole numbers only": {"learning_rate": {"value": 0.1}, "layers": WHOLE},
    "cells that cannot run": {
        "learning_rate": RATE,
        "global_batch_size": BATCH,
        "warmup_steps": {"distribution": "int_uniform", "min": 0, "max": 60},
    },
}
UNLISTED = ("ranges", "whole numbers only", "cells that cannot run")
pytestmark = pytest.mark.parametrize("name", sorted(SEARCHERS))


def spec_of(name: str, **changes: Any) -> SweepSpec:
    full = {"parameters": LISTED, "budget": {"trials": TRIALS}, **changes}
    return make_spec(method=METHODS[name], **full)


def search(spec: SweepSpec) -> Script:
    """A sweep in which every trial is asked, run to its end and measured."""
    script = Script()
    searcher = make_searcher(spec, HORIZON)
    while body := searcher.ask(script.story):
        script.add(body)
        script.start(body.trial)
        script.say(body.trial, make_report(10, float(body.params["learning_rate"])))
        script.end(body.trial)
    return script


def test_the_budget_is_met_and_numbers_have_no_gaps(name: str) -> None:
    story = search(spec_of(name)).story
    assert list(story.trials) == list(range(TRIALS))


def test_nothing_excluded_or_unable_to_run_is_asked(name: str) -> None:
    spec = spec_of(name)
    for record in search(spec).story.trials.values():
        assert not excluded(spec.spec.parameters, record.trial.params)
        assert refusal(record.trial.params, HORIZON, 1) is None


def test_no_configuration_is_asked_twice(name: str) -> None:
    params = [repr(record.trial.params) for record in search(spec_of(name)).story.trials.values()]
    assert len(set(params)) == len(params)


def test_the_same_prefix_of_a_journal_gets_the_same_answer(name: str) -> None:
    """A searcher made after a crash goes on where the one before it stopped."""
    spec = spec_of(name)
    entries = search(spec).entries
    for entry in entries:
        if isinstance(entry.body, Asked):
            story = fold(entries[: entry.seq - 1])
            assert make_searcher(spec, HORIZON).ask(story) == entry.body


def test_asking_changes_nothing_and_can_be_repeated(name: str) -> None:
    spec = spec_of(name)
    script = Script()
    searcher = make_searcher(spec, HORIZON)
    for _ in range(3):
        before = copy.deepcopy(script.story)
        body = searcher.ask(script.story)
        assert body is not None
        assert searcher.ask(script.story) == body
        assert script.story == before
        script.add(body)


def test_repeated_entries_change_no_answer(name: str) -> None:
    spec = spec_of(name)
    entries = search(spec).entries[:10]
    once, twice = fold(entries), fold([*entries, *entries[3:], *entries])
    assert make_searcher(spec, HORIZON).ask(once) == make_searcher(spec, HORIZON).ask(twice)


def test_finished_stays_finished(name: str) -> None:
    spec = spec_of(name)
    script = search(spec)
    assert make_searcher(spec, HORIZON).ask(script.story) is None


def test_trials_of_other_roles_do_not_use_up_the_budget(name: str) -> None:
    spec = spec_of(name)
    script = search(spec)
    other = Script()
    other.ask(role=Role.BASE)
    searcher = make_searcher(spec, HORIZON)
    while body := searcher.ask(other.story):
        other.add(body)
    assert len(other.story.trials) == len(script.story.trials) + 1


def test_search_trials_share_the_sweeps_seed(name: str) -> None:
    story: Story = search(spec_of(name, seed=11)).story
    assert {record.trial.seed for record in story.trials.values()} == {11}


@pytest.mark.parametrize("kind", SPACES)
def test_every_kind_of_space_is_kept_to(name: str, kind: str) -> None:
    if name == "grid" and kind in UNLISTED:
        pytest.skip("a grid needs lists")
    spec = spec_of(name, parameters=SPACES[kind])
    story = search(spec).story
    found = [record.trial.params for record in story.trials.values()]
    assert len(found) == TRIALS
    assert len({repr(sorted(cell.items())) for cell in found}) == TRIALS
    for cell in found:
        _belongs(spec, cell)
        assert refusal(cell, HORIZON, 1) is None


def _belongs(spec: SweepSpec, cell: Params) -> None:
    """Every value is one of its axis, of the same type, there exactly when it should be."""
    space = spec.spec.parameters
    assert list(cell) == [known for known in space.names if known in cell]
    assert not excluded(space, cell)
    for known, axis in space.axes.items():
        if axis.when is not None and not holds(axis.when, cell):
            assert known not in cell
        elif isinstance(axis, Range):
            assert type(cell[known]) is (int if axis.distribution == "int_uniform" else float)
            assert axis.min <= float(cell[known]) <= axis.max
        else:
            assert repr(cell[known]) in [repr(value) for value in axis.values]
    if space.paired:
        rows = [{key: cell[key] for key in space.paired[0]}]
        assert rows[0] in space.paired


def test_a_finite_space_is_used_up_and_then_exhausted(name: str) -> None:
    spec = spec_of(name, budget={"trials": 50})
    script, searcher = Script(), make_searcher(spec, HORIZON)
    while body := searcher.ask(script.story):
        assert not searcher.exhausted(script.story)
        script.add(body)
        script.start(body.trial)
        script.say(body.trial, make_report(10, float(body.params["learning_rate"])))
        script.end(body.trial)
    found = sorted(repr(record.trial.params) for record in script.story.trials.values())
    assert found == sorted(map(repr, grid(spec.spec.parameters)))
    assert searcher.exhausted(script.story)


def test_a_few_whole_numbers_are_a_finite_space(name: str) -> None:
    if name == "grid":
        pytest.skip("a grid needs lists")
    script = search(spec_of(name, parameters=SPACES["whole numbers only"], budget={"trials": 50}))
    asked = [record.trial.params["layers"] for record in script.story.trials.values()]
    assert sorted(map(int, asked)) == list(range(1, 10))


def test_a_new_budget_counts(name: str) -> None:
    spec = spec_of(name)
    script, searcher = search(spec), make_searcher(spec, HORIZON)
    assert searcher.exhausted(script.story)
    script.add(CommandApplied(command="more", kind="set_budget", trials=TRIALS + 1))
    assert not searcher.exhausted(script.story)
    assert searcher.ask(script.story) is not None
    script.add(CommandApplied(command="less", kind="set_budget", trials=TRIALS))
    assert searcher.exhausted(script.story)
    assert searcher.ask(script.story) is None


def test_a_goal_to_maximize_and_metrics_that_are_not_there(name: str) -> None:
    metric = {"name": "eval_loss", "goal": "maximize"}
    script = Script()
    searcher = make_searcher(spec_of(name, metric=metric), HORIZON)
    for value in (1.0, math.nan, None, math.inf, -1.0, 2.0):
        body = searcher.ask(script.story)
        assert body is not None
        script.add(body)
        script.start(body.trial)
        script.say(body.trial, make_report(10, value))
        script.end(body.trial)
    assert searcher.ask(script.story) is not None


def test_trials_side_by_side_that_end_in_every_way(name: str) -> None:
    """Three at a time, ended out of order; a searcher that knows nothing answers the same."""
    parameters = LISTED if name == "grid" else {**SPACES["ranges"], "global_batch_size": BATCH}
    spec = spec_of(name, parameters=parameters, budget={"trials": 10})
    script, kept, rng = Script(), make_searcher(spec, HORIZON), random.Random(3)
    ends, running = cycle((_finish, _fail, _prune, _park)), list[int]()
    while True:
        body = kept.ask(script.story) if len(running) < 3 else None
        if body is not None:
            assert make_searcher(spec, HORIZON).ask(script.story) == body
            script.add(body)
            script.start(body.trial)
            running.append(body.trial)
        elif running:
            next(ends)(script, running.pop(rng.randrange(len(running))))
        else:
            break
    found = [repr(record.trial.params) for record in script.story.trials.values()]
    assert len(set(found)) == len(found) == 10


def _finish(script: Script, number: int) -> None:
    script.say(number, make_report(10, float(number % 4)))
    script.end(number)


def _fail(script: Script, number: int) -> None:
    script.end(number, AttemptEnd.FAILED, 0, error="boom", gave_up=True)


def _prune(script: Script, number: int) -> None:
    verdict = Verdict(action=Action.STOP, reason="median", message="worse than its peers")
    script.say(number, make_report(3, 9.0), verdict)
    script.end(number, AttemptEnd.STOPPED, 300, stop_reason=StopReason.PRUNED)


def _park(script: Script, number: int) -> None:
    script.say(number, make_report(2, 8.0))
    script.end(number, AttemptEnd.PAUSED, 200)
