from __future__ import annotations

from typing import Any

import pytest
from stories import Script, make_spec

from sweeps.cohort import batches, cohort, cohort_key, key_of
from sweeps.journal import Story
from sweeps.spec import SweepSpec
from sweeps.trial import Role

SFT = make_spec()
OTHER = make_spec(workload={"recipe": "other", "model": "m", "data": {"eval": "e"}})


def members(script: Script, number: int, spec: SweepSpec = SFT) -> list[int]:
    return [r.trial.number for r in cohort(spec, script.story, script.story.trials[number].trial)]


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
        {"strategy": "phased"},
        {"curriculum": "length"},
        {"adapter": "lora"},
        {"phase2_replay": 0.1},
    ],
)
def test_what_changes_the_meaning_of_a_curve_divides_a_cohort(params: dict[str, Any]) -> None:
    script = Script()
    first, other = script.ask(), script.ask(**params)
    assert members(script, first) == []
    assert members(script, script.ask(**params)) == [other]


def test_constant_with_warmup_is_constant() -> None:
    assert cohort_key({"lr_scheduler_type": "constant_with_warmup"}, "cpu", "sft") == cohort_key(
        {"lr_scheduler_type": "constant"}, "cpu", "sft"
    )


def test_device_kinds_are_apart() -> None:
    assert cohort_key({}, "cpu", "sft") != cohort_key({}, "H200", "sft")


def test_the_key_in_a_sweep_holds_the_device_its_first_driver_found() -> None:
    script = Script(device_kind="H200")
    trial = script.story.trials[script.ask()].trial
    assert key_of(SFT, script.story, trial) == cohort_key(trial.params, "H200", "sft")
    assert key_of(SFT, Story(), trial) == cohort_key(trial.params, "", "sft")


def test_only_search_trials_have_a_cohort() -> None:
    script = Script()
    first = script.ask()
    base = script.ask(role=Role.BASE)
    assert members(script, first) == []
    assert members(script, base) == []


def test_gradient_norms_are_compared_between_runs_of_equal_batches_in_every_phase() -> None:
    one = batches({"global_batch_size": 8, "learning_rate": 0.1})
    assert one == batches({"learning_rate": 0.2, "global_batch_size": 8})
    assert one != batches({"global_batch_size": 16})
    assert one != batches({"global_batch_size": 8, "phase2_global_batch_size": 16})


def test_what_a_phase_sets_but_its_replay_divides_no_cohort() -> None:
    script = Script()
    first = script.ask(strategy="phased", phase2_learning_rate=0.1)
    other = script.ask(strategy="phased", phase2_learning_rate=0.2)
    assert members(script, first) == [other]


@pytest.mark.parametrize("name", ["strategy", "curriculum", "adapter", "phase2_replay"])
def test_in_another_recipe_these_names_are_its_own_and_divide_no_cohort(name: str) -> None:
    script = Script()
    first, other = (script.ask(**{name: value}) for value in ("a", "b"))
    assert members(script, first, OTHER) == [other]
    assert members(script, first) == []


def test_what_changes_a_curve_in_every_recipe_divides_there_too() -> None:
    script = Script()
    first, _ = script.ask(), script.ask(lr_scheduler_type="cosine")
    assert members(script, first, OTHER) == []
