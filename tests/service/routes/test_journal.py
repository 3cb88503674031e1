"""What a driver reads beside its own journal, over HTTP."""

from __future__ import annotations

import httpx
import pytest
from service_support import (
    AGENT,
    Writer,
    asked,
    ended,
    make_report,
    make_spec,
    reported,
    started,
    take,
)

from service.client import Client
from service.errors import Forbidden, NotFound


def done(user: Client, agent: Client) -> str:
    """A sweep of one trial that ended with an eval_loss of 1.5."""
    sweep = user.create_sweep(make_spec("old")).id
    lease = take(agent)
    told = reported(0, make_report(5, eval_loss=1.5))
    entries = Writer().entries(asked(0), started(0), told, ended(0))
    agent.append(sweep, lease.token, entries)
    agent.finish(sweep, lease.token, "DONE")
    return sweep


def test_a_driver_is_told_of_finished_sweeps(user: Client, agent: Client) -> None:
    old = done(user, agent)
    new = user.create_sweep(make_spec("new")).id
    (found,) = agent.past(new).items
    assert (found.sweep, [trial.final for trial in found.trials]) == (old, [1.5])
    point = {
        "share": 1.0,
        "samples": found.trials[0].points[0].samples,
        "loss": 1.0,
        "grad_norm": 0.5,
        "metric": 1.5,
    }
    assert found.trials[0].points[0].model_dump() == point
    assert agent.past(old).items == []


def test_only_drivers_are(user: Client, agent: Client, web: httpx.Client) -> None:
    sweep = user.create_sweep(make_spec("new")).id
    with pytest.raises(Forbidden):
        user.past(sweep)
    with pytest.raises(NotFound):
        agent.past("swp_" + "0" * 32)
    headers = {"Authorization": f"Bearer {AGENT}"}
    assert web.get(f"/api/v1/sweeps/{sweep}/past", headers=headers).json() == {"items": []}


def test_a_driver_is_told_what_trials_of_its_model_took(user: Client, agent: Client) -> None:
    done(user, agent)
    new = user.create_sweep(make_spec("new")).id
    (row,) = agent.costs(new).items
    assert (row.key.device, row.key.adapter, row.peak_memory_bytes) == ("cpu", "full", None)
    with pytest.raises(Forbidden):
        user.costs(new)
    with pytest.raises(NotFound):
        agent.costs("swp_" + "0" * 32)
