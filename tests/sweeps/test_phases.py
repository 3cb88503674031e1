from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stories import make_spec

from sweeps.errors import SpecError
from sweeps.journal import Prepared, Story
from sweeps.phases import (
    length_faults,
    phase_lengths,
    phase_parameters,
    planned_stages,
    stages_in,
    strategy_of,
)
from sweeps.points import Stage, run_plan
from sweeps.spec import SweepSpec, Workload

A, B = {"data": "a.jsonl"}, {"data": "b.jsonl"}
DATA = {"eval": "e.jsonl"}


def phased(*phases: dict[str, Any]) -> dict[str, Any]:
    return {"model": {"tiny": "llama"}, "data": DATA, "strategy": {"phased": list(phases)}}


def workload(*phases: dict[str, Any]) -> Workload:
    return Workload.model_validate(phased(*phases))


def spec(*phases: dict[str, Any], **changes: Any) -> SweepSpec:
    return make_spec(workload=phased(*phases), **changes)


@pytest.mark.parametrize(
    ("phases", "horizon", "rows", "lengths"),
    [
        ((A, B), 100, [10, 30], [25, 75]),
        ((A | {"samples": 40}, B), 100, [10, 30], [40, 60]),
        ((A | {"epochs": 7}, B), 170, [10, 10], [70, 100]),
        ((A | {"epochs": 7}, B | {"epochs": 10}), 170, [10, 10], [70, 100]),
        ((A | {"epochs": 0.1}, B), 170, [10, 10], [1, 169]),
        ((A, B, A), 3, [1000, 1, 1], [1, 1, 1]),
        ((A, A | {"samples": 10}, B), 100, [20, 20, 10], [60, 10, 30]),
    ],
)
def test_lengths_are_as_written_and_the_rest_goes_by_data(
    phases: tuple[dict[str, Any], ...], horizon: int, rows: list[int], lengths: list[int]
) -> None:
    assert phase_lengths(workload(*phases), horizon, rows) == lengths


@given(st.lists(st.integers(1, 500), min_size=1, max_size=5), st.integers(5, 10_000))
def test_lengths_add_up_to_the_horizon_and_none_is_empty(rows: list[int], horizon: int) -> None:
    lengths = phase_lengths(workload(*([A] * len(rows))), horizon, rows)
    assert sum(lengths) == horizon
    assert min(lengths) >= 1


@pytest.mark.parametrize(
    ("phases", "said"),
    [
        ((A | {"samples": 40}, B | {"samples": 50}), "add up to 90 samples, the horizon is 100"),
        ((A | {"samples": 100}, B), "add up to 100 samples, the horizon is 100"),
        ((A | {"samples": 99}, B, B), "add up to 99 samples, the horizon is 100"),
    ],
)
def test_phases_that_do_not_fit_are_refused(phases: tuple[dict[str, Any], ...], said: str) -> None:
    with pytest.raises(SpecError, match=said) as caught:
        phase_lengths(workload(*phases), 100, [10] * len(phases))
    assert caught.value.faults[0].pointer == "/spec/workload/strategy/phased"


def test_what_a_spec_tells_before_its_data_is_counted() -> None:
    known = spec(A | {"samples": 400, "replay": 0}, B | {"replay": 0.1, "learning_rate": 0.5})
    assert planned_stages(known, 1000) == (Stage(400), Stage(600, None, 0.5, None, 0.1))
    assert planned_stages(spec(A, B), 1000) == ()
    assert planned_stages(spec(A | {"epochs": 2}, B), 1000) == ()
    assert length_faults(spec(A, B)) == []
    (fault,) = length_faults(spec(A | {"samples": 400}, B | {"samples": 400}))
    assert "800" in fault.mend
    assert length_faults(spec(A | {"samples": 1000}, B | {"epochs": 1})) != []


def test_the_first_driver_has_the_last_word() -> None:
    story = Story(prepared=Prepared(horizon_samples=1000, phase_samples=[300, 700]))
    assert [stage.samples for stage in stages_in(spec(A, B), story)] == [300, 700]
    assert stages_in(spec(A, B), Story()) == ()
    assert stages_in(make_spec(), Story()) == ()


def test_a_trial_is_what_its_parameter_says_else_what_the_workload_says() -> None:
    assert strategy_of(workload(A), {}) == "phased"
    assert strategy_of(workload(A), {"strategy": "stacked"}) == "stacked"
    assert strategy_of(make_spec().spec.workload, {}) == "stacked"


def test_each_phase_has_parameters_of_its_own_and_the_first_replays_nothing() -> None:
    names = phase_parameters(workload(A, B))
    assert "phase1_learning_rate" in names
    assert {"phase2_learning_rate", "phase2_global_batch_size", "phase2_warmup_steps"} <= set(names)
    assert "phase2_replay" in names
    assert not {"phase1_replay", "phase3_replay"} & set(names)


def test_stacked_and_phased_see_equal_samples() -> None:
    """To less than a batch: steps are whole."""
    stages = (Stage(300), Stage(700, global_batch_size=64))
    for batch in (10, 32, 50):
        params = {"global_batch_size": batch}
        stacked = run_plan({**params, "strategy": "stacked"}, 1000, 5, stages)
        phased = run_plan(params, 1000, 5, stages)
        assert 1000 <= stacked.samples < 1000 + batch
        assert 1000 <= phased.samples < 1000 + 64
