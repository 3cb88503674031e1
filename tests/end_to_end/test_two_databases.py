"""The same sweep on SQLite and on PostgreSQL: real service, agent, driver and Ray, one slot."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from running import wait_until
from service_support import Host, hosted, make_settings, migrated
from serving import agent_of
from tests_support import toy_spec

from service.client import Client

if TYPE_CHECKING:
    from postgres import Postgres

# What wall time makes.
TIMED = {"seconds", "tokens_per_second"}
SPEC = toy_spec(
    workload={"recipe": "toy", "options": {"nan_at": 4}},
    parameters={
        "global_batch_size": {"value": 4},
        # Above 1 the toy's loss is NaN at step 4.
        "learning_rate": {"distribution": "uniform", "min": 0.003, "max": 1.9},
    },
    method={"type": "random"},
    budget={"trials": 8},
    pruning={"type": "median"},
)


def untimed(found: Any) -> Any:
    """A journal's body without what wall time made of it."""
    if isinstance(found, dict):
        return {name: untimed(value) for name, value in found.items() if name not in TIMED}
    return [untimed(value) for value in found] if isinstance(found, list) else found


def said(client: Client, sweep: str) -> list[str]:
    """Each entry but its time, as text: NaN does not equal itself."""
    return [f"{one.seq} {untimed(one.body.model_dump())!r}" for one in client.entries(sweep)]


def told(client: Client, sweep: str) -> list[str]:
    """The trials as users see them, without their ids and times."""
    mine = {"id", "sweep_id", "created_at", "updated_at"}
    return [repr(trial.model_dump(exclude=mine)) for trial in client.every_trial(sweep)]


def ran(host: Host, folder: Path) -> tuple[list[str], list[str], str]:
    """The sweep's journal, trials and result."""
    with host.client() as client, agent_of(host, folder) as agent:
        sweep = client.create_sweep(SPEC).id
        wait_until(lambda: client.get_sweep(sweep).ended_at is not None, 150, agent.log)
        assert client.get_sweep(sweep).state == "DONE", agent.log()
        result = untimed(client.result(sweep).model_dump())
        return said(client, sweep), told(client, sweep), repr(result)


@pytest.mark.slow
def test_both_write_the_same_journal(postgres: Postgres, tmp_path: Path) -> None:
    found = {}
    with ExitStack() as stack:
        urls = [make_settings(tmp_path).database_url, stack.enter_context(postgres.empty())]
        for name, url in zip(("sqlite", "postgresql"), urls, strict=True):
            settings = make_settings(tmp_path, database_url=url)
            if name == "sqlite":
                migrated(settings)
            with hosted(settings) as host:
                found[name] = ran(host, tmp_path / name)
    assert found["postgresql"] == found["sqlite"]
    journal, trials, _ = found["sqlite"]
    # It was not a dull one: numbers that JSON lacks, and trials that were pruned.
    assert any("nan" in line for line in journal)
    assert any("StopReason.PRUNED" in line for line in journal)
    assert len(trials) == 8
