from __future__ import annotations

from typing import Any

import pytest
from stories import make_spec

from sweeps.checks.cells import runnable_faults
from sweeps.errors import Fault

BATCH = {"values": [10, 100]}
DECAY = {"lr_scheduler_type": "warmup_stable_decay"}


def faults(refused: bool = True, **changes: Any) -> list[Fault]:
    return runnable_faults(make_spec(**changes), refused=refused)


def of(refused: bool = True, **parameters: Any) -> list[Fault]:
    full = {"global_batch_size": BATCH, "learning_rate": {"value": 0.1}, **parameters}
    draws = any("min" in axis for axis in full.values() if isinstance(axis, dict))
    method = {"method": {"type": "random"}, "budget": {"trials": 5}} if draws else {}
    return faults(refused, parameters=full, **method)


def only(found: list[Fault]) -> Fault:
    (fault,) = found
    return fault


@pytest.mark.parametrize(("gpus", "good"), [(0.5, True), (1, True), (2, True), (1.5, False)])
def test_only_one_gpu_can_be_shared(gpus: float, good: bool) -> None:
    found = faults(resources={"gpus_per_trial": gpus})
    assert (found == []) == good
    assert good or "0.5" in only(found).mend


def test_everything_excluded() -> None:
    fault = only(of(exclude=[{"global_batch_size": [10, 100]}]))
    assert fault.pointer == "/spec/parameters/exclude"
    ends = {"distribution": "int_uniform", "min": 1, "max": 3}
    assert of(seed=ends, exclude=[{"seed": [1, 3]}]) == []


def test_a_warmup_that_is_not_shorter_than_its_run() -> None:
    fault = only(of(warmup_steps={"values": [0, 10]}))
    assert "a warmup of 10 is not shorter than the run of 10 steps" in fault.message
    assert "exclude: [{global_batch_size: 100, warmup_steps: 10}]" in fault.mend
    assert of(False, warmup_steps={"values": [0, 10]}) == []
    row = {"global_batch_size": 100, "warmup_steps": 10}
    assert of(warmup_steps={"values": [0, 10]}, exclude=[row]) == []


def test_the_worst_corner_of_a_range() -> None:
    fault = only(of(warmup_steps={"distribution": "int_uniform", "min": 0, "max": 10}))
    assert "a draw may hold a cell that cannot run" in fault.message
    assert "warmup_steps" in fault.mend
    assert of(warmup_steps={"distribution": "int_uniform", "min": 0, "max": 9}) == []


def test_a_horizon_in_epochs_is_not_known_yet() -> None:
    warm = {"global_batch_size": BATCH, "warmup_steps": {"value": 9999}}
    assert faults(parameters=warm, horizon={"epochs": 1}) == []


def test_both_warmups_in_one_cell() -> None:
    both = {"warmup_steps": {"value": 1}, "warmup_ratio": {"value": 0.1}}
    assert only(of(**both)).pointer == "/spec/parameters/warmup_ratio"
    apart = {
        "warmup_steps": {"value": 1, "when": {"global_batch_size": 10}},
        "warmup_ratio": {"value": 0.1, "when": {"global_batch_size": 100}},
    }
    assert of(**apart) == []


@pytest.mark.parametrize("name", ["decay_ratio", "min_lr_ratio"])
def test_decay_settings_need_their_schedule(name: str) -> None:
    kinds = {"lr_scheduler_type": {"values": ["linear", "warmup_stable_decay"]}}
    fault = only(of(**kinds, **{name: {"value": 0.1}}))
    assert fault.pointer == f"/spec/parameters/{name}"
    assert "when: {lr_scheduler_type: warmup_stable_decay}" in fault.mend
    assert of(**kinds, **{name: {"value": 0.1, "when": DECAY}}) == []
    assert only(of(**{name: {"value": 0.1}}))


def test_too_many_corners_are_left_to_the_searcher() -> None:
    many = {f"p{n}": {"values": list(range(60))} for n in range(3)}
    warm = {"global_batch_size": BATCH, "warmup_steps": {"value": 99}, **many}
    found = faults(parameters=warm, method={"type": "random"}, budget={"trials": 3})
    assert found == []
