from __future__ import annotations

import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from stories import Script, make_report, make_spec

from sweeps.configurations import Configuration, configurations, finite_final, key, mean
from sweeps.trial import Role


def found(script: Script, **spec: Any) -> list[Configuration]:
    return configurations(make_spec(**spec), list(script.story.trials.values()))


def numbers(one: Configuration) -> list[int]:
    return [record.trial.number for record in one.search]


def test_each_finished_trial_is_a_configuration_best_first() -> None:
    script = Script()
    for value in (3.0, math.nan, 1.0, None, 2.0):
        script.run(value)
    script.ask()
    assert [numbers(one) for one in found(script)] == [[2], [4], [0]]
    up = {"name": "eval_loss", "goal": "maximize"}
    assert [numbers(one) for one in found(script, metric=up)] == [[0], [4], [2]]


def test_trials_that_differ_in_their_seed_are_runs_of_one() -> None:
    script = Script()
    for rate, seed, value in ((0.1, 1, 1.0), (0.2, 1, 1.5), (0.1, 2, 3.0), (0.2, 2, 1.25)):
        script.run(value, learning_rate=rate, seed=seed)
    first, second = found(script)
    assert (numbers(first), first.values) == ([3, 1], [1.25, 1.5])
    assert (numbers(second), second.values) == ([0, 2], [1.0, 3.0])


def test_confirmation_runs_belong_to_the_configuration_they_repeat() -> None:
    script = Script()
    script.run(2.0, learning_rate=0.2)
    script.run(1.0, learning_rate=0.1)
    ours = script.ask(role=Role.CONFIRM, learning_rate=0.2)
    failed = script.ask(role=Role.CONFIRM, learning_rate=0.2)
    script.ask(role=Role.CONFIRM, learning_rate=0.9)
    preset = script.ask(role=Role.PRESET, learning_rate=0.2)
    best, other = found(script)
    assert [r.trial.number for r in other.confirmed] == [ours, failed]
    assert best.confirmed == []
    assert preset not in [r.trial.number for one in (best, other) for r in one.confirmed]


def test_a_final_counts_only_of_a_trial_that_finished() -> None:
    script = Script()
    running = script.ask()
    script.say(running, make_report(10, 1.0))
    record = script.story.trials[running]
    assert finite_final(make_spec(), record) is None
    script.end(running)
    assert finite_final(make_spec(), record) == 1.0


def test_a_key_leaves_out_seeds_and_keeps_types_apart() -> None:
    assert key({"a": 1, "seed": 3}) == key({"seed": 4, "data_seed": 9, "a": 1})
    assert len({key({"a": 1}), key({"a": 1.0}), key({"a": True}), key({"a": "1"})}) == 4


@given(st.floats(-1e300, 1e300), st.integers(1, 20))
def test_the_mean_of_equal_values_is_that_value(value: float, many: int) -> None:
    assert math.isclose(mean([value] * many), value, rel_tol=1e-12, abs_tol=1e-290)


def test_huge_values_have_a_mean() -> None:
    assert mean([1.7e308, 1.7e308]) == 1.7e308
