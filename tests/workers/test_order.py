from __future__ import annotations

from pathlib import Path

import pytest
from tests_support import toy_spec

from sweeps.journal import Prepared
from sweeps.trial import Role, Trial
from workers.order import AttemptOrder, OrderMaker
from workers.settings import WorkerSettings

PARAMS = {"global_batch_size": 16, "learning_rate": 0.1}


def order(settings: WorkerSettings, role: Role = Role.SEARCH, **found: object) -> AttemptOrder:
    prepared = Prepared.model_validate({"horizon_samples": 320, **found})
    maker = OrderMaker("swp_" + "0" * 32, toy_spec(), prepared, settings, None)
    return maker.make(Trial(0, dict(PARAMS), role), 1)


@pytest.mark.parametrize(
    ("kind", "devices", "share"), [("cpu", 0.5, 1.0), ("cuda", 0.5, 0.5), ("cuda", 2, 1.0)]
)
def test_only_a_share_of_a_gpu_is_one(
    settings: WorkerSettings, kind: str, devices: float, share: float
) -> None:
    made = order(settings, device_kind=kind, devices_per_trial=devices)
    assert made.device_share == share


def test_what_the_cost_model_foretold_goes_along(settings: WorkerSettings) -> None:
    assert order(settings).micro_batch_tokens is None
    assert order(settings, micro_batch_tokens=4096).micro_batch_tokens == 4096


def test_of_rows_beside_the_search_nobody_keeps_the_weights(settings: WorkerSettings) -> None:
    assert order(settings).keep_final
    assert not order(settings, Role.PRESET).keep_final


def test_it_travels_as_text(settings: WorkerSettings) -> None:
    made = order(settings)
    assert AttemptOrder.model_validate_json(made.model_dump_json()) == made


def test_phases_and_what_is_shared_go_along(settings: WorkerSettings) -> None:
    spec = toy_spec(
        workload={
            "model": {"tiny": "llama"},
            "data": {"eval": "e.jsonl"},
            "strategy": {"phased": [{"data": "a"}, {"data": "b", "global_batch_size": 32}]},
        },
        parameters={
            "global_batch_size": {"value": 16},
            "learning_rate": {"value": 0.1},
            "phase2_learning_rate": {"values": [0.1, 0.2]},
        },
    )
    prepared = Prepared(horizon_samples=320, phase_samples=[160, 160])
    made = []
    for mirror in (None, "memory://there"):
        there = settings.model_copy(update={"checkpoints": mirror})
        maker = OrderMaker("swp_" + "0" * 32, spec, prepared, there, None)
        made.append(maker.make(Trial(0, {**PARAMS, "phase2_learning_rate": 0.1}), 1))
    assert [phase.steps for phase in made[0].plan.phases] == [10, 5]
    (alone,), (copied,) = made[0].shared, made[1].shared
    assert (alone.steps, alone.mirror) == (10, None)
    assert copied.mirror == f"memory://there/{made[0].sweep_id}/phases/{Path(alone.folder).name}"
    assert AttemptOrder.model_validate_json(made[1].model_dump_json()).plan == made[0].plan
    assert order(settings).shared == []
