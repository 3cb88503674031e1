from __future__ import annotations

from typing import Any

import pytest

from sweeps.cost_key import CostKey, cost_key
from sweeps.spec import Workload
from sweeps.trial import Params


def key(params: Params | None = None, device: str = "cpu", **changes: Any) -> CostKey:
    workload = Workload.model_validate({"model": "some/model", **changes})
    return cost_key(workload, params or {}, device)


def test_what_trials_learn_with_makes_no_difference() -> None:
    assert key({"learning_rate": 1e-3, "global_batch_size": 8}) == key()


@pytest.mark.parametrize(
    "other",
    [
        key(model={"tiny": "llama"}),
        key(adapter={"type": "lora"}),
        key({"adapter": "lora"}),
        key({"trainable_fraction": 0.5}),
        key(options={"gradient_checkpointing": True}),
        key(device="NVIDIA H200"),
    ],
)
def test_what_weighs_otherwise(other: CostKey) -> None:
    assert not other.weighs_like(key())


def test_devices_that_share_a_trial_hold_less_of_it_each() -> None:
    workload = Workload.model_validate({"model": "some/model"})
    assert not cost_key(workload, {}, "gpu", 4).weighs_like(cost_key(workload, {}, "gpu"))


def test_length_changes_the_speed_and_not_the_weight_of_a_token() -> None:
    longer = key(max_length=2048)
    assert longer.weighs_like(key())
    assert longer.runs_like(key())
    assert (longer.likeness(key()), key().likeness(key())) == (2, 3)


def test_an_adapter_is_told_by_what_weighs() -> None:
    assert key({"adapter": "lora", "lora_r": 4}).adapter == "lora r=4 all-linear"
    modules = {"type": "dora", "target_modules": ["v_proj", "q_proj"], "lora_alpha": 3}
    assert key(adapter=modules).adapter == "dora r=16 q_proj,v_proj"


def test_of_another_recipe_the_block_counts() -> None:
    assert key({"adapter": "anything"}, recipe="mine").adapter == "full"
    assert key(recipe="mine", adapter={"type": "lora"}).adapter == "lora r=16 all-linear"
