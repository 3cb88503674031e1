from __future__ import annotations

from typing import Any

from sweeps.adapters import adapter_of
from sweeps.spec import Adapter, Workload


def workload(**adapter: Any) -> Workload:
    return Workload.model_validate({"adapter": adapter} if adapter else {})


def test_without_block_and_parameter_all_weights_are_trained() -> None:
    assert adapter_of(workload(), {"learning_rate": 1e-4}) is None
    assert adapter_of(workload(), {"adapter": "full"}) is None


def test_the_block_alone_is_the_adapter() -> None:
    assert adapter_of(workload(type="lora"), {}) == Adapter(type="lora", lora_alpha=32.0)
    asked = {"type": "dora", "r": 4, "lora_alpha": 4.0, "lora_dropout": 0.1}
    made = Adapter.model_validate({**asked, "target_modules": ["q_proj"]})
    assert adapter_of(workload(**asked, target_modules=["q_proj"]), {}) == made


def test_a_configuration_says_it_in_place_of_the_block() -> None:
    block = workload(type="lora", lora_dropout=0.1, target_modules=["q_proj"])
    made = adapter_of(block, {"adapter": "rslora", "lora_r": 8, "lora_target_modules": "a, b.c"})
    assert made == Adapter(
        type="rslora", r=8, lora_alpha=16.0, lora_dropout=0.1, target_modules=["a", "b.c"]
    )
    made = adapter_of(block, {"lora_alpha": 3, "lora_dropout": 0.0})
    assert made == Adapter(type="lora", lora_alpha=3.0, target_modules=["q_proj"])
    assert adapter_of(block, {"adapter": "full"}) is None


def test_all_linear_is_no_list() -> None:
    made = adapter_of(workload(), {"adapter": "lora", "lora_target_modules": "all-linear"})
    assert made is not None
    assert made.target_modules == "all-linear"
