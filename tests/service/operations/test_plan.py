"""Planning over HTTP: costs from what was measured, cells that cannot run listed."""

from __future__ import annotations

import pytest
from service_support import Writer, asked, ended, make_spec, started, take

from service.client import Client
from sweeps.journal import Prepared


@pytest.mark.parametrize(("kind", "gpus"), [("cpu", 0), ("cuda", 4)])
def test_gpu_hours_count_gpus_and_no_cores(
    user: Client, agent: Client, kind: str, gpus: int
) -> None:
    sweep = user.create_sweep(make_spec())
    take(agent, device_kind=kind)
    prepared = Prepared(horizon_samples=320, device_kind=kind, devices_per_trial=4)
    bodies = [prepared, asked(0), started(0), ended(0, samples=320, seconds=36.0)]
    agent.append(sweep.id, 1, Writer().entries(*bodies))
    found = user.plan(make_spec())
    assert found.trial_hours is not None
    assert found.gpu_hours is not None
    assert found.trial_hours.middle == pytest.approx(3 * 0.01)
    assert found.gpu_hours.middle == pytest.approx(3 * 0.01 * gpus)


def test_cells_that_cannot_run_are_listed(user: Client) -> None:
    axes = {"global_batch_size": {"values": [32]}, "warmup_steps": {"values": [0, 10]}}
    found = user.plan(make_spec(parameters=axes))
    assert (found.trials, found.refused_count) == (1, 1)
    assert found.refused[0].params["warmup_steps"] == 10
