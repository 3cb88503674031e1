from __future__ import annotations

from typing import Any

import pytest
from stories import make_spec

from sweeps.checks import check
from sweeps.checks.adapters import adapter_faults
from sweeps.errors import SpecError

MODEL = {"model": "org/name", "data": {"train": "a.jsonl", "eval": "b.jsonl"}}
LORA = {"workload": {**MODEL, "adapter": {"type": "lora"}}}
OWN = {"global_batch_size": {"value": 8}, "learning_rate": {"value": 1e-4}}


def spec_of(parameters: dict[str, Any], workload: dict[str, Any] | None = None) -> Any:
    return make_spec(workload=workload or MODEL, parameters={**OWN, **parameters})


@pytest.mark.parametrize(
    ("parameters", "adapter"),
    [
        ({"lora_r": {"values": [4, 8]}}, {"type": "lora"}),
        ({"trainable_fraction": {"values": [0.5, 1.0]}}, None),
        (
            {
                "adapter": {"values": ["full", "lora", "dora"]},
                "lora_r": {"values": [4, 8], "when": {"adapter": ["lora", "dora"]}},
                "lora_alpha": {"values": [8, 16], "when": {"lora_r": 8}},
                "trainable_fraction": {"values": [0.5, 1.0], "when": {"adapter": "full"}},
            },
            None,
        ),
        ({"adapter": {"values": ["lora", "rslora"]}, "lora_r": {"values": [4, 8]}}, None),
        ({"paired": [{"adapter": "lora", "lora_r": 4}, {"adapter": "dora", "lora_r": 8}]}, None),
        # The block's value is there for the trials that have none of their own.
        (
            {"lora_alpha": {"values": [8, 16], "when": {"learning_rate": 1e-4}}},
            {"type": "lora", "lora_alpha": 4},
        ),
    ],
)
def test_what_every_trial_reads_passes(
    parameters: dict[str, Any], adapter: dict[str, Any] | None
) -> None:
    workload = {**MODEL, "adapter": adapter} if adapter else MODEL
    assert adapter_faults(spec_of(parameters, workload)) == []


@pytest.mark.parametrize(
    ("parameters", "adapter", "place", "mend"),
    [
        ({"lora_r": {"values": [4, 8]}}, None, "lora_r", "workload.adapter: {type: lora}"),
        (
            {"adapter": {"values": ["full", "lora"]}, "lora_r": {"values": [4, 8]}},
            None, "lora_r", "when: {adapter: [lora, rslora, dora]}",
        ),
        (
            {
                "adapter": {"values": ["full", "lora"]},
                "lora_r": {"values": [4, 8], "when": {"adapter": ["full", "lora"]}},
            },
            None, "lora_r", "when: {adapter: ",
        ),
        (
            {"trainable_fraction": {"value": 0.5}}, {"type": "lora"},
            "trainable_fraction", "Take it out",
        ),
        (
            {
                "adapter": {"values": ["full", "lora"]},
                "trainable_fraction": {"value": 0.5},
            },
            None, "trainable_fraction", "when: {adapter: full}",
        ),
        (
            {"paired": [{"adapter": "lora", "lora_r": 4}, {"adapter": "full", "lora_r": 8}]},
            None, "paired/1/lora_r", "when: ",
        ),
    ],
)  # fmt: skip
def test_what_a_trial_would_not_read_is_refused(
    parameters: dict[str, Any], adapter: dict[str, Any] | None, place: str, mend: str
) -> None:
    workload = {**MODEL, "adapter": adapter} if adapter else MODEL
    (fault,) = adapter_faults(spec_of(parameters, workload))
    assert fault.pointer == f"/spec/parameters/{place}"
    assert mend in fault.mend


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("lora_r", "r", 8),
        ("lora_alpha", "lora_alpha", 4.0),
        ("lora_dropout", "lora_dropout", 0.1),
        ("lora_target_modules", "target_modules", ["q_proj"]),
    ],
)
def test_a_value_is_said_once(name: str, field: str, value: object) -> None:
    values = {"lora_r": 4, "lora_alpha": 8, "lora_dropout": 0.5, "lora_target_modules": "v_proj"}
    workload = {**MODEL, "adapter": {"type": "lora", field: value}}
    (fault,) = adapter_faults(spec_of({name: {"value": values[name]}}, workload))
    assert fault.pointer == f"/spec/workload/adapter/{field}"
    (fault,) = adapter_faults(spec_of({"adapter": {"values": ["lora", "dora"]}}, LORA["workload"]))
    assert fault.pointer == "/spec/workload/adapter/type"


def test_an_adapter_for_another_recipe_is_refused() -> None:
    with pytest.raises(SpecError) as caught:
        check(make_spec(workload={"recipe": "mine", "adapter": {"type": "lora"}}))
    (fault,) = caught.value.faults
    assert (fault.pointer, fault.value) == ("/spec/workload/adapter", '"lora"')
    assert "this one is mine" in fault.message
    assert fault.mend.startswith("Take it out")


def test_another_recipe_may_have_parameters_of_these_names() -> None:
    """They are its own, whatever they mean there."""
    own = {"lora_r": {"values": [4, 8]}, "adapter": {"values": ["none", "lora"]}}
    check(make_spec(workload={"recipe": "mine"}, parameters=own))
