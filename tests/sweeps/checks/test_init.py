from __future__ import annotations

from typing import Any

import pytest
from stories import make_spec

from sweeps.checks import check
from sweeps.errors import SpecError

TOO_WARM = {
    "global_batch_size": {"values": [10, 100]},
    "learning_rate": {"value": 0.1},
    "warmup_steps": {"values": [0, 50]},
}


def pointers(**changes: Any) -> list[str]:
    with pytest.raises(SpecError) as caught:
        check(make_spec(**changes))
    assert all(fault.message and fault.mend for fault in caught.value.faults)
    return [fault.pointer for fault in caught.value.faults]


def test_a_good_spec_passes() -> None:
    check(make_spec())


def test_faults_of_every_kind_are_told_at_once() -> None:
    found = pointers(
        parameters={"lr": {"values": [1]}, "global_batch_size": {"values": [0]}},
        metric={"name": "eval_los", "goal": "minimize"},
        workload={"model": "file:///m", "data": {"train": "a", "eval": "b"}},
        method={"type": "random"},
    )
    assert set(found) == {
        "/spec/parameters/lr",
        "/spec/parameters/global_batch_size",
        "/spec/parameters/learning_rate",
        "/spec/metric/name",
        "/spec/workload/model",
        "/spec/budget/trials",
    }


def test_a_secret_is_reported_alone() -> None:
    labels = {"model": "hf_" + "a1" * 10, "data": {"train": "file:///x", "eval": "b"}}
    assert pointers(workload=labels) == ["/spec/workload/model"]


def test_cells_that_cannot_run_are_faults_unless_a_plan_will_list_them() -> None:
    assert pointers(parameters=TOO_WARM) == ["/spec/parameters"]
    check(make_spec(parameters=TOO_WARM), cells=False)
    check(
        make_spec(
            parameters={**TOO_WARM, "exclude": [{"global_batch_size": 100, "warmup_steps": 50}]}
        )
    )


def test_another_recipe_has_its_own_parameters_and_metrics() -> None:
    check(
        make_spec(
            workload={"recipe": "mine", "options": {"depth": 3}},
            parameters={"width": {"values": [1, 2]}},
            metric={"name": "reward", "goal": "maximize"},
        )
    )
