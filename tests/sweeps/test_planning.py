from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stories import make_spec

from sweeps.costs import Measured
from sweeps.errors import SpecError
from sweeps.planning import LISTED, micro_batch, plan, resolve_horizon

RANGED = {
    "global_batch_size": {"distribution": "int_uniform", "min": 10, "max": 40},
    "learning_rate": {"distribution": "log_uniform_values", "min": 1e-6, "max": 1e-3},
}


@given(st.integers(1, 10_000), st.integers(0, 16), st.none() | st.integers(1, 512))
def test_a_batch_is_cut_exactly(batch: int, devices: int, limit: int | None) -> None:
    if batch < devices:
        with pytest.raises(ValueError, match="cannot feed"):
            micro_batch(batch, devices, limit)
        return
    cut = micro_batch(batch, devices, limit)
    assert sum(map(sum, cut.sizes)) == batch
    assert len(cut.sizes) == cut.accumulation
    assert all(len(row) == max(1, devices) for row in cut.sizes)
    assert all(size == cut.per_device for row in cut.sizes[:-1] for size in row)
    assert all(0 <= size <= cut.per_device for size in cut.sizes[-1])
    assert max(cut.sizes[-1]) - min(cut.sizes[-1]) <= 1
    assert limit is None or cut.per_device <= limit


@pytest.mark.parametrize(
    ("batch", "devices", "limit", "sizes"),
    [
        (16, 1, 8, ((8,), (8,))),
        (20, 1, 8, ((8,), (8,), (4,))),
        (20, 2, 8, ((8, 8), (2, 2))),
        (7, 2, None, ((4, 3),)),
        (5, 0, 64, ((5,),)),
        (17, 4, 2, ((2, 2, 2, 2), (2, 2, 2, 2), (1, 0, 0, 0))),
    ],
)
def test_micro_batches(batch: int, devices: int, limit: int | None, sizes: Any) -> None:
    assert micro_batch(batch, devices, limit).sizes == sizes


@pytest.mark.parametrize(
    ("horizon", "train", "samples"),
    [
        ({"samples": 70}, None, 70),
        ({"samples": 70}, 5, 70),
        ({"epochs": 2}, 35, 70),
        ({"epochs": 0.1}, 10, 1),
        ({"epochs": 0.1}, 11, 2),
        ({"epochs": 1.1}, 10, 11),
        ({"epochs": 1e-6}, 10, 1),
    ],
)
def test_the_horizon(horizon: Any, train: int | None, samples: int) -> None:
    assert resolve_horizon(make_spec(horizon=horizon), train) == samples


@pytest.mark.parametrize("train", [None, 0])
def test_epochs_of_unknown_or_empty_data_are_an_error(train: int | None) -> None:
    with pytest.raises(SpecError, match="/spec/horizon/epochs"):
        resolve_horizon(make_spec(horizon={"epochs": 1}), train)


def test_a_grid_is_counted() -> None:
    found = plan(make_spec())
    assert (found.raw_cells, found.excluded, found.cells, found.trials) == (6, 0, 6, 6)
    assert found.total_samples == 6000
    assert (found.steps_min, found.steps_max) == (50, 100)
    assert found.refused == []


def test_exclude_and_when_take_cells_out() -> None:
    parameters = {
        "global_batch_size": {"values": [10, 20]},
        "lr_scheduler_type": {"values": ["constant", "cosine"]},
        "decay_ratio": {"values": [0.1, 0.2], "when": {"lr_scheduler_type": "cosine"}},
        "exclude": [{"global_batch_size": 20, "decay_ratio": 0.2}],
    }
    found = plan(make_spec(parameters=parameters))
    assert (found.raw_cells, found.cells, found.excluded) == (8, 5, 3)


def test_the_budget_caps_a_grid_and_says_so() -> None:
    found = plan(make_spec(budget={"trials": 4}))
    assert (found.cells, found.trials, found.total_samples) == (6, 4, 4000)
    assert "the first 4 of 6 cells" in found.notes[0]
    assert plan(make_spec(budget={"trials": 9})).trials == 6


def test_cells_that_cannot_run_are_listed_and_not_counted() -> None:
    warm = {"global_batch_size": {"values": [10, 100]}, "warmup_steps": {"values": [0, 50]}}
    found = plan(make_spec(parameters=warm))
    assert (found.cells, found.trials, found.refused_count) == (4, 3, 1)
    assert found.refused[0].params == {"global_batch_size": 100, "warmup_steps": 50}
    assert "not shorter than the run of 10 steps" in found.refused[0].reason


def test_a_long_list_of_refused_cells_is_cut_but_counted() -> None:
    steps = {"warmup_steps": {"values": list(range(1000, 1300))}}
    found = plan(make_spec(parameters={"global_batch_size": {"values": [10]}, **steps}))
    assert (found.refused_count, len(found.refused), found.trials) == (300, LISTED, 0)
    assert found.total_samples == 0


def test_a_batch_below_the_devices_is_refused() -> None:
    found = plan(make_spec(resources={"gpus_per_trial": 16}))
    assert found.refused_count == 3
    assert "below the 16 devices" in found.refused[0].reason


def test_a_space_with_ranges() -> None:
    found = plan(make_spec(parameters=RANGED, method={"type": "random"}, budget={"trials": 7}))
    assert (found.cells, found.raw_cells, found.trials) == (None, None, 7)
    assert found.total_samples == 7000
    assert (found.steps_min, found.steps_max) == (25, 100)


def test_random_in_a_small_finite_space_runs_no_cell_twice() -> None:
    found = plan(make_spec(method={"type": "random"}, budget={"trials": 50}))
    assert (found.cells, found.trials) == (6, 6)


def test_epochs_are_unknown_until_the_data_is_counted() -> None:
    spec = make_spec(horizon={"epochs": 2})
    blind = plan(spec)
    assert (blind.horizon_samples, blind.total_samples, blind.steps_max) == (None, None, None)
    assert any("counted when the sweep starts" in note for note in blind.notes)
    assert plan(spec, train_samples=500).horizon_samples == 1000


def test_hours_come_from_what_was_measured_only() -> None:
    spec = make_spec(resources={"gpus_per_trial": 0.5})
    assert plan(spec).trial_hours is None
    assert any("Time is unknown" in note for note in plan(spec).notes)
    one = Measured(samples_per_second=10.0, params={"global_batch_size": 10}, devices=1)
    two = one.model_copy(update={"samples_per_second": 5.0})
    found = plan(spec, [one, two])
    assert found.measured == 2
    assert found.trial_hours is not None
    assert found.gpu_hours is not None
    assert found.trial_hours.low == pytest.approx(6000 / 10 / 3600)
    assert found.trial_hours.high == pytest.approx(6000 / 5 / 3600)
    assert found.gpu_hours.high == pytest.approx(found.trial_hours.high / 2)


def test_notes_say_when_pruning_cannot_work() -> None:
    few = plan(make_spec(budget={"trials": 3}))
    assert any("Fewer than 4 trials" in note for note in few.notes)
    late = plan(make_spec(evaluation={"every_points": 10}))
    assert any("only at the end" in note for note in late.notes)
    quiet = plan(make_spec(evaluation={"every_points": 10}, pruning={"type": "never"}))
    assert not any("only at the end" in note for note in quiet.notes)
    windows = {"name": "loss", "goal": "minimize"}
    seen = plan(make_spec(evaluation={"every_points": 10}, metric=windows))
    assert not any("only at the end" in note for note in seen.notes)
