from __future__ import annotations

from typing import Any

import pytest
from stories import make_spec

from sweeps.cells import NAMED, cell_faults, devices_of, finite_cells, refusal
from sweeps.errors import SpecError
from sweeps.planning import plan
from sweeps.searchers.grid import GridSearcher
from sweeps.searchers.remaining import Remaining
from sweeps.space import MAX_CELLS
from sweeps.trial import Params

RANGE = {"distribution": "uniform", "min": 0, "max": 1}
HUGE = {f"p{n}": {"values": list(range(50))} for n in range(4)}


def test_a_finite_space_is_listed_and_a_continuous_one_is_not() -> None:
    cells = finite_cells(make_spec())
    assert cells is not None
    assert len(cells) == 6
    assert finite_cells(make_spec(parameters={"a": RANGE})) is None


def test_too_large_a_grid_is_an_error_and_random_does_without_the_list() -> None:
    with pytest.raises(SpecError, match=f"more than {MAX_CELLS:,}"):
        finite_cells(make_spec(parameters=HUGE))
    assert finite_cells(make_spec(parameters=HUGE, method={"type": "random"})) is None


@pytest.mark.parametrize(("gpus", "devices"), [(None, 1), (0, 1), (0.5, 1), (1, 1), (4, 4)])
def test_devices(gpus: float | None, devices: int) -> None:
    assert devices_of(make_spec(resources={"gpus_per_trial": gpus})) == devices


@pytest.mark.parametrize(
    ("params", "horizon", "devices", "said"),
    [
        ({"global_batch_size": 10, "warmup_steps": 99}, 1000, 1, None),
        ({"global_batch_size": 10, "warmup_steps": 100}, 1000, 1, "100 is not shorter than"),
        ({"global_batch_size": 10, "warmup_steps": 101}, 1000, 1, "the run of 100 steps"),
        ({"global_batch_size": 10, "warmup_steps": 100}, None, 1, None),
        ({"global_batch_size": 10, "warmup_ratio": 0.99}, 1000, 1, None),
        ({"global_batch_size": 1000, "warmup_ratio": 0.1}, 1000, 1, "the run of 1 step"),
        ({"global_batch_size": 5000, "warmup_steps": 0}, 1000, 1, None),
        ({"global_batch_size": 2}, 1000, 4, "below the 4 devices"),
        ({"global_batch_size": 4}, 1000, 4, None),
        ({}, 1000, 4, None),
    ],
)
def test_refusal(params: Any, horizon: int | None, devices: int, said: str | None) -> None:
    reason = refusal(params, horizon, devices)
    assert (reason is None) == (said is None)
    assert said is None or said in str(reason)


def test_cells_refused_for_the_same_thing_are_one_fault_with_the_row_that_mends_it() -> None:
    same: Params = {"global_batch_size": 10, "warmup_steps": 200}
    cells: list[Params] = [{**same, "learning_rate": rate} for rate in (1, 2)]
    (fault,) = cell_faults([(cell, "why") for cell in cells])
    assert fault.message == "2 cells cannot run: why"
    assert "exclude: [{global_batch_size: 10, warmup_steps: 200}]" in fault.mend


def test_only_the_first_kinds_are_named_and_the_rest_counted() -> None:
    cells: list[Params] = [{"warmup_steps": n} for n in range(NAMED + 5)]
    faults = cell_faults([(cell, "why") for cell in cells])
    assert len(faults) == NAMED + 1
    assert faults[-1].message == "5 more kinds of cells cannot run"


def test_of_another_recipe_a_phased_cell_is_a_cell_like_any_other() -> None:
    cell: Params = {"global_batch_size": 10, "warmup_steps": 100, "strategy": "phased"}
    assert refusal(cell, 1000, 1) is None  # its phases are not known yet
    assert "not shorter" in (refusal(cell, 1000, 1, recipe="mine") or "")
    parameters = {name: {"value": value} for name, value in cell.items()}
    work = {"recipe": "mine", "model": "m", "data": {"train": "t", "eval": "e"}}
    spec = make_spec(parameters=parameters, workload=work)
    assert plan(spec).refused_count == 1
    assert Remaining(spec, 1000).cells == []
    with pytest.raises(SpecError, match="not shorter"):
        GridSearcher(spec, 1000)
