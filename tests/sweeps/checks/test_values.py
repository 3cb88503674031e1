from __future__ import annotations

from typing import Any

import pytest
from stories import make_spec

from sweeps.checks.values import ELSEWHERE, meant, value_faults
from sweeps.errors import Fault
from sweeps.sft_parameters import SFT_PARAMETERS

GOOD = {"global_batch_size": {"value": 8}, "learning_rate": {"value": 0.1}}


def faults(recipe: str = "sft", **parameters: Any) -> list[Fault]:
    return value_faults(make_spec(workload={"recipe": recipe}, parameters={**GOOD, **parameters}))


def only(found: list[Fault]) -> Fault:
    (fault,) = found
    return fault


def test_good_values_pass() -> None:
    assert faults(warmup_steps={"values": [0, 5]}, seed={"value": 1}) == []


@pytest.mark.parametrize(
    ("name", "mend"),
    [
        ("learning_rat", "Did you mean 'learning_rate'?"),
        ("lr", "Write learning_rate."),
        ("batch_size", "Write global_batch_size"),
        ("per_device_train_batch_size", "write it under spec.resources"),
        ("num_train_epochs", "spec.horizon"),
        ("rank", "Write lora_r."),
        ("use_dora", "adapter: {values: [dora]}"),
        ("qqqq", "Known: global_batch_size, learning_rate"),
    ],
)
def test_an_unknown_parameter_is_told_where_it_belongs(name: str, mend: str) -> None:
    one: dict[str, Any] = {name: {"value": 1}}
    fault = only(faults(**one))
    assert fault.pointer == f"/spec/parameters/{name}"
    assert mend in fault.mend


def test_every_hint_is_about_a_name_that_sft_does_not_have() -> None:
    assert not set(ELSEWHERE) & set(SFT_PARAMETERS)
    assert meant("adam_beta", list(SFT_PARAMETERS)) == "Did you mean 'adam_beta2'?"


@pytest.mark.parametrize(
    ("axis", "pointer", "said"),
    [
        ({"values": [8, 0]}, "/values/1", "must be at least 1"),
        ({"value": 0}, "", "must be at least 1"),
        ({"values": [8.5, 9]}, "/values/0", "whole number"),
        ({"values": ["8", 9]}, "/values/0", "Write it without quotes: 8"),
        ({"values": ["many", 9]}, "/values/0", "Write e.g. 16."),
        ({"values": [True, 9]}, "/values/0", "whole number"),
        ({"distribution": "uniform", "min": 1, "max": 9}, "/distribution", "int_uniform"),
        ({"distribution": "int_uniform", "min": 0, "max": 9}, "/min", "at least 1"),
        ({"distribution": "int_uniform", "min": 1.0, "max": 9.0}, None, ""),
    ],
)
def test_the_batch_size(axis: Any, pointer: str | None, said: str) -> None:
    found = faults(global_batch_size=axis)
    if pointer is None:
        assert found == []
        return
    assert only(found).pointer == f"/spec/parameters/global_batch_size{pointer}"
    assert said in str(only(found))


@pytest.mark.parametrize(
    ("axis", "pointer", "said"),
    [
        ({"distribution": "uniform", "min": -1, "max": 0.5}, "/min", "Change min."),
        ({"distribution": "uniform", "min": 0.5, "max": 1}, "/max", "below 1"),
    ],
)
def test_the_ends_of_a_range(axis: Any, pointer: str, said: str) -> None:
    fault = only(faults(warmup_ratio=axis))
    assert fault.pointer == f"/spec/parameters/warmup_ratio{pointer}"
    assert said in str(fault)


def test_a_word_is_listed_and_not_drawn_from_a_range() -> None:
    fault = only(faults(lr_scheduler_type={"distribution": "uniform", "min": 0, "max": 1}))
    assert "values: [constant" in fault.mend
    fault = only(faults(lr_scheduler_type={"values": ["cosin", "linear"]}))
    assert "one of constant" in fault.message


def test_paired_rows_are_looked_at_value_by_value() -> None:
    rows = [{"seed": 1, "colour": 2}, {"seed": -1, "colour": 2}]
    assert {fault.pointer for fault in faults(paired=rows)} == {
        "/spec/parameters/paired/0/colour",
        "/spec/parameters/paired/1/seed",
    }


def test_a_recipe_of_ones_own_has_any_names_but_keeps_those_of_every_run() -> None:
    assert faults("mine", width={"value": 3}, learning_rate={"value": "fast"}) == []
    assert only(faults("mine", global_batch_size={"value": 0})).pointer.endswith("batch_size")
    odd: dict[str, Any] = {"a:b": {"value": 1}}
    assert "no name" in only(faults("mine", **odd)).message


def test_a_word_too_long_to_be_kept() -> None:
    assert "longer than 500" in only(faults("mine", a={"value": "x" * 501})).message


@pytest.mark.parametrize(
    ("axis", "pointer", "mend"),
    [
        ({"values": ["all-linear", "q_proj v_proj"]}, "/values/1", "Write e.g. all-linear."),
        ({"values": [7, "all-linear"]}, "/values/0", "Write e.g. all-linear."),
        (
            {"distribution": "uniform", "min": 0, "max": 1},
            "/distribution", "List some of them: {values: [all-linear]}.",
        ),
    ],
)  # fmt: skip
def test_modules_are_named(axis: dict[str, Any], pointer: str, mend: str) -> None:
    assert faults(lora_target_modules={"values": ["all-linear", "q_proj, model.v_proj"]}) == []
    fault = only(faults(lora_target_modules=axis))
    assert fault.pointer == f"/spec/parameters/lora_target_modules{pointer}"
    assert fault.mend == mend
