"""A sweep that waits says why."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from service_support import make_spec

from service.clock import now
from service.operations.submit import new_sweep, runnable
from service.store.tables import AgentRow, SweepRow
from service.store.waiting import why_waiting

NOW = now()
SINCE = NOW - timedelta(seconds=30)


def sweep(**lease: Any) -> SweepRow:
    row = new_sweep(runnable(make_spec(pool="a100")), NOW)
    for name, value in lease.items():
        setattr(row, name, value)
    return row


def agent(pool: str = "a100", name: str = "box", slots: int = 2, **more: Any) -> AgentRow:
    given = {"recipes": json.dumps(["toy"]), "seen_at": NOW, **more}
    return AgentRow(pool=pool, name=name, slots=slots, **given)


@pytest.mark.parametrize(
    ("agents", "driven", "said"),
    [
        ([], 0, "No agent serves pool 'a100'. No agent has called yet."),
        ([agent("b"), agent("c")], 0, "No agent serves pool 'a100'. Pools with agents: b, c."),
        ([agent(seen_at=SINCE)], 0, "The agents of pool 'a100' have been silent since"),
        (
            [agent(recipes='["sft", "dpo"]'), agent(name="old", seen_at=SINCE)],
            0,
            "No agent of pool 'a100' offers recipe 'toy'. Offered: dpo, sft.",
        ),
        ([agent()], 1, "It waits for its turn: an agent of pool 'a100' will claim it."),
        ([agent()], 2, "All 2 slots of pool 'a100' are taken, by 2 sweeps."),
        ([agent(), agent(name="second")], 2, "It waits for its turn"),
        ([agent(), agent("b")], 2, "All 2 slots"),
    ],
)
def test_reasons(agents: list[AgentRow], driven: int, said: str) -> None:
    live = [sweep(lease_agent="box") for _ in range(driven)]
    live.append(sweep(lease_agent="box", pool="b"))
    assert why_waiting(sweep(), agents, live, SINCE).startswith(said)
