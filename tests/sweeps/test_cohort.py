from __future__ import annotations

from typing import Any

import pytest
from stories import Script

from sweeps.cohort import cohort, cohort_key, key_of
from sweeps.journal import Story
from sweeps.trial import Role


def members(script: Script, number: int) -> list[int]:
    return [r.trial.number for r in cohort(script.story, script.story.trials[number].trial)]


def test_batch_rate_and_warmup_do_not_divide_a_cohort() -> None:
    script = Script()
    first = script.ask()
    others = [script.ask(global_batch_size=80), script.ask(learning_rate=9.0, warmup_steps=3)]
    assert members(script, first) == others
    assert members(script, others[0]) == [first, others[1]]


@pytest.mark.parametrize(
    "params",
    [
        {"lr_scheduler_type": "cosine"},
        {"lr_scheduler_type": "warmup_stable_decay", "decay_ratio": 0.2},
        {"model": "other"},
        {"data": "other"},
        {"max_length": 9},
    ],
)
def test_what_changes_the_meaning_of_a_curve_divides_a_cohort(params: dict[str, Any]) -> None:
    script = Script()
    first, other = script.ask(), script.ask(**params)
    assert members(script, first) == []
    assert members(script, script.ask(**params)) == [other]


def test_constant_with_warmup_is_constant() -> None:
    assert cohort_key({"lr_scheduler_type": "constant_with_warmup"}, "cpu") == cohort_key(
        {"lr_scheduler_type": "constant"}, "cpu"
    )


def test_device_kinds_are_apart() -> None:
    assert cohort_key({}, "cpu") != cohort_key({}, "H200")


def test_the_key_in_a_sweep_holds_the_device_its_first_driver_found() -> None:
    script = Script(device_kind="H200")
    trial = script.story.trials[script.ask()].trial
    assert key_of(script.story, trial) == cohort_key(trial.params, "H200")
    assert key_of(Story(), trial) == cohort_key(trial.params, "")


def test_only_search_trials_have_a_cohort() -> None:
    script = Script()
    first = script.ask()
    base = script.ask(role=Role.BASE)
    assert members(script, first) == []
    assert members(script, base) == []
