from __future__ import annotations

from typing import Any, get_args

import pytest
from stories import make_spec

from sweeps.errors import UnsupportedError
from sweeps.pruners import PRUNERS
from sweeps.pruners.configs import Pruning
from sweeps.searchers import SEARCHERS
from sweeps.searchers.configs import Method
from sweeps.sft_parameters import UNBUILT_OPTIONS
from sweeps.support import OPTIONS, ROWS, refuse

DATA = {"train": "a.jsonl", "eval": "b.jsonl"}
ASKED: list[tuple[str, dict[str, Any]]] = [
    (
        "/spec/workload/adapter/type",
        {"workload": {"model": "x", "data": DATA, "adapter": {"type": "qlora"}}},
    ),
    *[
        (
            f"/spec/workload/options/{name}",
            {"workload": {"recipe": "sft", "model": "x", "data": DATA, "options": {name: value}}},
        )
        for name, value in {
            **dict.fromkeys(UNBUILT_OPTIONS, True),
            "optim": "adamw_bnb_8bit",
        }.items()
    ],
    ("/spec/budget/gpu_hours", {"budget": {"gpu_hours": 1}}),
    ("/spec/budget/wall_clock", {"budget": {"wall_clock": "1h"}}),
    (
        "/spec/workload/options/torch_compile",
        {
            "workload": {"model": "x", "data": DATA, "options": {"torch_compile": True}},
            "resources": {"gpus_per_trial": 2},
        },
    ),
    ("/spec/workload/model", {"workload": {"model": "s3://bucket/model", "data": DATA}}),
    ("/spec/workload/data/train", {"workload": {"model": "x", "data": {"train": "gs://b/t"}}}),
    (
        "/spec/workload/data/eval/a",
        {"workload": {"model": "x", "data": {"train": "t", "eval": {"a": "hf://b/t"}}}},
    ),
]


@pytest.mark.parametrize(("pointer", "changes"), ASKED)
def test_what_is_not_built_is_refused_by_name(pointer: str, changes: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedError, match="not built in this version") as caught:
        refuse(make_spec(**changes))
    (fault,) = caught.value.faults
    assert fault.pointer == pointer
    assert fault.mend


def test_every_row_of_the_table_is_tried_above() -> None:
    assert {row.pointer for row in (*ROWS, *OPTIONS)} <= {pointer for pointer, _ in ASKED}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        *[{"method": {"type": name}, "budget": {"trials": 3}} for name in sorted(SEARCHERS)],
        {"pruning": {"type": "never"}},
        {"pruning": {"type": "early_dynamics", "audit": 0.1}},
        {"pruning": {"type": "median", "grace": 0.5}},
        {"pruning": {"type": "halving", "eta": 2}},
        {"pruning": {"type": "recipe", "keep": 0.3}},
        {"resources": {"gpus_per_trial": 0.5}},
        {"resources": {"gpus_per_trial": 1}},
        {"resources": {"gpus_per_trial": 0}},
        {"resources": {"gpus_per_trial": 2}},
        {"confirm": {"top": 2, "seeds": 3}},
        {"baselines": {"base": True, "preset": None}},
        {"workload": {"model": "x", "data": DATA, "adapter": {"type": "dora"}}},
        {"workload": {"model": "x", "strategy": {"phased": [{"data": "y"}]}}},
        {"workload": {"recipe": "sft", "model": "x", "options": {"optim": "adamw_torch"}}},
        {"workload": {"recipe": "mine", "options": {"load_in_4bit": True}}},
    ],
)
def test_what_is_built_passes(changes: dict[str, Any]) -> None:
    refuse(make_spec(**changes))


def test_everything_asked_for_is_named_at_once() -> None:
    changes = {"budget": {"gpu_hours": 1, "wall_clock": "1h"}}
    with pytest.raises(UnsupportedError) as caught:
        refuse(make_spec(**changes))
    assert len(caught.value.faults) == 2


def test_registries_hold_nothing_that_no_spec_can_name() -> None:
    methods = {arm.model_fields["type"].annotation for arm in get_args(get_args(Method)[0])}
    pruners = {arm.model_fields["type"].annotation for arm in get_args(get_args(Pruning)[0])}
    assert set(SEARCHERS) == {get_args(name)[0] for name in methods}
    known = {get_args(name)[0] for name in pruners}
    assert {"never", "median", "halving", "recipe"} <= set(PRUNERS) <= known
