from __future__ import annotations

from typing import Any

import pytest
from tests_support import toy_spec

from sweeps.cost_key import cost_key
from sweeps.cost_model import Measurement
from sweeps.journal import Prepared
from sweeps.spec import SweepSpec
from workers.placing import place

GB = 2**30
GPU = Prepared(horizon_samples=320, device_kind="cuda", devices_per_trial=1)


def rows(spec: SweepSpec, memory: int, device: str = "gpu") -> list[Measurement]:
    """Micro-batches of 1024 to 4096 tokens took 9, 10 and 12 GB."""
    return [
        Measurement(
            key=cost_key(spec.spec.workload, {}, device),
            micro_batch_tokens=tokens,
            peak_memory_bytes=8 * GB + tokens * GB // 1024,
            device_memory_bytes=memory * GB,
        )
        for tokens in (1024, 2048, 4096)
    ]


def test_the_first_micro_batch_is_what_fits() -> None:
    spec = toy_spec()
    placed = place(GPU, spec, rows(spec, 24), share=True)
    assert placed == GPU.model_copy(update={"micro_batch_tokens": 12873})


def test_two_on_a_gpu_where_they_fit_and_the_operator_wants_it() -> None:
    """12 GB each, and as much of the memory as half a device has."""
    spec = toy_spec()
    placed = place(GPU, spec, rows(spec, 36), share=True)
    assert placed.devices_per_trial == 0.5
    assert placed.micro_batch_tokens == int((18 * 0.9 / 1.05 - 8) * 1024)
    assert place(GPU, spec, rows(spec, 36), share=False).devices_per_trial == 1


@pytest.mark.parametrize("resources", [{"gpus_per_trial": 1}, {"gpus_per_trial": 2}])
def test_who_names_gpus_gets_them(resources: dict[str, Any]) -> None:
    spec = toy_spec(resources=resources)
    assert place(GPU, spec, rows(spec, 36), share=True).devices_per_trial == 1


def test_nothing_is_placed_by_what_nobody_measured() -> None:
    spec = toy_spec()
    cpu = GPU.model_copy(update={"device_kind": "cpu"})
    assert place(cpu, spec, rows(spec, 80), share=True) == cpu
    assert place(GPU, spec, [], share=True) == GPU
    assert place(GPU, spec, rows(spec, 80, device="cpu"), share=True) == GPU
