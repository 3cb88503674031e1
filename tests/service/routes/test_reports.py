"""The report on pruning over HTTP."""

from __future__ import annotations

import httpx
import pytest
from service_support import (
    Host,
    Writer,
    asked,
    ended,
    make_report,
    make_spec,
    reported,
    started,
    take,
)

from service.app import _kept, _made
from service.client import Client
from service.context import Context

PATH = "/api/v1/report/pruning"


def settle(host: Host) -> None:
    """Make what summaries are missing, as the service does every few seconds."""
    held: Context = host.app.state.context
    while (made := _made(held)) is not None:
        _kept(held, made)


def run(user: Client, agent: Client, name: str = "toy") -> str:
    sweep = user.create_sweep(make_spec(name, pruning={"type": "median"}))
    lease = take(agent)
    report = reported(0, make_report(5, eval_loss=1.0))
    agent.append(sweep.id, lease.token, Writer().entries(asked(0), started(0), report, ended(0)))
    agent.finish(sweep.id, lease.token, "DONE")
    return sweep.id


def test_a_finished_sweep_is_told(
    web: httpx.Client, user: Client, agent: Client, host: Host
) -> None:
    assert web.get(PATH).json()["items"] == []
    sweep = run(user, agent)
    settle(host)
    found = web.get(PATH).json()
    assert [item["sweep_id"] for item in found["items"]] == [sweep]
    assert found["items"][0]["report"]["pruner"] == "median"
    assert found["pooled"]["rate"] is None
    assert user.report_pruning().model_dump(mode="json")["items"][0]["sweep_id"] == sweep
    assert user.report_pruning(project="other").items == []


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "project=", "cursor=x"])
def test_queries_are_checked(web: httpx.Client, query: str) -> None:
    assert web.get(f"{PATH}?{query}").status_code == 422
