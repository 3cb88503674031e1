"""Each fault is made for real in a service of its own; the line and the mend are what is asked."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from alembic import command
from service_support import (
    AGENT,
    USER,
    Host,
    hosted,
    make_offer,
    make_settings,
    make_spec,
    migrated,
    take,
    until,
)
from sqlalchemy import text

from service.client import Client
from service.errors import ServiceError
from service.migrate import config
from service.store.database import Database
from sweepctl import doctor_service
from sweepctl.checkup import Check
from sweepctl.settings import Target
from sweepctl.state import free_port
from workers.leftovers import Leftovers

if TYPE_CHECKING:
    from postgres import Postgres

LEASE = 0.5
Find = Callable[[], dict[str, Check]]


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    with hosted(migrated(make_settings(tmp_path, lease_seconds=LEASE))) as found:
        yield found


@pytest.fixture
def agent(host: Host) -> Iterator[Client]:
    with host.client(AGENT) as found:
        yield found


@pytest.fixture
def user(host: Host) -> Iterator[Client]:
    with host.client() as found:
        yield found


@pytest.fixture
def find(user: Client, tmp_path: Path) -> Find:
    """What the doctor finds inside the service, by name."""
    return lambda: {one.name: one for one in doctor_service.inside(user, tmp_path / "storage")}


def outside(url: str) -> dict[str, Check]:
    with Client(url, USER, retries=0) as client:
        target = Target(url, USER, "the test")
        return {one.name: one for one in doctor_service.answers(client, target)}


# ---------------------------------------------------------------- agents


def test_nobody_serves_the_pool_of_a_waiting_sweep(user: Client, find: Find) -> None:
    sweep = user.create_sweep(make_spec("alone", pool="a100"))
    found = find()
    assert found["agents"].mend == "sweepctl up, or python -m workers.agent"
    assert found["pool a100"].found == (
        "0 of 0 agents alive, 0 slots; 1 sweeps are not at their end"
    )
    assert found["sweep alone"] == Check(
        "sweep alone",
        f"QUEUED ({sweep.id}): No agent serves pool 'a100'. No agent has called yet.",
        "start an agent with SWEEP_POOL=a100",
    )


def test_an_agent_that_fell_silent_and_its_stale_lease(
    user: Client, agent: Client, find: Find
) -> None:
    sweep = user.create_sweep(make_spec("orphan")).id
    take(agent, agent="box-one-17-ab")
    assert not any(one.mend for one in find().values())
    until(lambda: not user.get_sweep(sweep).driven)
    found = find()
    assert found["agent box-one-17-ab"].found.startswith("silent since 20")
    assert found["agent box-one-17-ab"].mend.startswith("restart it on box-one, or look why")
    assert found["pool default"].mend == "start an agent with SWEEP_POOL=default"
    stale = found["sweep orphan"]
    assert stale.found.startswith(f"RUNNING ({sweep}): Its driver is gone;")
    assert stale.mend == "start an agent with SWEEP_POOL=default"
    # Its successor on the same machine lives, and for some reason does not take the sweep.
    offer = make_offer("box-one-18-cd", driving=[sweep])
    assert agent.claim(offer) is None
    found = find()
    assert "agent box-one-17-ab" not in found
    assert not found["pool default"].mend
    assert f"read SWEEP_STORAGE/sweeps/{sweep}/driver.log" in found["sweep orphan"].mend


def test_an_agent_that_ended_in_good_order_is_not_missed(agent: Client, find: Find) -> None:
    agent.claim(make_offer("box-17-ab"))
    assert "1 of 1 agents" in find()["pool default"].found
    agent.claim(make_offer("box-17-ab", leaving=True))
    assert "pool default" not in find()


def test_an_agent_that_vanished_long_ago_is_not_missed(
    host: Host, agent: Client, find: Find, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent.claim(make_offer("box-17-ab"))
    with host.app.state.context.database.write() as session:
        session.execute(text("UPDATE agents SET seen_at = '2026-01-01 00:00:00.000000'"))
    assert not find()["pool default"].mend
    assert "agent box-17-ab" not in find()


def test_an_agent_of_another_version(agent: Client, user: Client, find: Find) -> None:
    agent.claim(make_offer("box-17-ab", version="0.0.1"))
    version = user.health().version
    row = find()["agent box-17-ab"]
    assert row.found == f"is 0.0.1, the service {version}"
    assert row.mend == f"pip install sweepctl=={version} on its machine, and restart it"


def test_nobody_has_the_recipe_and_one_that_only_waits(
    user: Client, agent: Client, find: Find
) -> None:
    user.create_sweep(make_spec("toy"))
    user.create_sweep(make_spec("second", workload={"recipe": "other"}))
    take(agent, agent="box-17-ab", slots=1)
    user.create_sweep(make_spec("third"))
    found = find()
    assert "No agent of pool 'default' offers recipe 'other'" in found["sweep second"].found
    assert found["sweep second"].mend == (
        "give an agent of its pool SWEEP_RECIPES=other=MODULE:FUNCTION"
    )
    assert "All 1 slots of pool 'default' are taken" in found["sweep third"].found
    assert not found["sweep third"].mend


# ---------------------------------------------------------------- what MLflow has not got


def test_an_ended_sweep_that_mlflow_has_not_got(
    user: Client, agent: Client, find: Find, tmp_path: Path
) -> None:
    storage = tmp_path / "storage"
    marks = Leftovers(storage)
    sweep = user.create_sweep(make_spec()).id
    for name in (sweep, "swp_" + "0" * 32):
        marks.mark(name)
    take(agent)
    assert "unfinished" not in find(), "a sweep under way is always marked"
    agent.finish(sweep, 1, "DONE")
    row = find()["unfinished"]
    assert row.found == f"1 ended sweeps are not whole in MLflow yet: {sweep}"
    assert f"see {storage / 'shipping.log'}" in row.mend


# ---------------------------------------------------------------- database and clock


def test_a_database_of_another_revision(host: Host) -> None:
    assert not any(one.mend for one in outside(host.url).values())
    database = Database(host.settings.database_url)
    command.downgrade(config(database), "2026_11_20_first")
    row = outside(host.url)["database"]
    assert row.found.startswith("the database is at 2026_11_20_first, this version needs ")
    assert "python -m service.migrate" in row.mend
    with database.engine.begin() as wire:
        wire.execute(text("UPDATE alembic_version SET version_num = '2099_01_01_later'"))
    database.close()
    row = outside(host.url)["database"]
    assert "2099_01_01_later, which is newer" in row.found
    assert row.mend.startswith("install the version of sweepctl that migrated it")


def test_a_database_that_is_away(postgres: Postgres, tmp_path: Path) -> None:
    with postgres.empty() as url, hosted(make_settings(tmp_path, database_url=url)) as host:
        postgres.stop()
        try:
            row = outside(host.url)["database"]
        finally:
            postgres.start()
        assert row.found.startswith("the database does not answer")
        assert row.mend.startswith("start the database")


def test_another_version(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_service, "own_version", lambda: "9.9.9")
    assert "pip install sweepctl==" in outside(host.url)["version"].mend


@pytest.mark.parametrize(("shift", "told"), [(3600, "ahead of"), (-3600, "behind")])
def test_a_clock_that_is_off(tmp_path: Path, shift: int, told: str) -> None:
    with astray(tmp_path, shift) as url:
        row = outside(url)["clock"]
    assert told in row.found
    seconds = int(row.found.partition(" is ")[2].partition(" s ")[0])
    assert abs(seconds - 3600) <= 5
    assert "NTP" in row.mend


@contextmanager
def astray(folder: Path, shift: int) -> Iterator[str]:
    """A service in a process whose clock is off by `shift` seconds."""
    settings, port = migrated(make_settings(folder)), free_port()
    code = (
        f"import runpy, time; right = time.time; time.time = lambda: right() + {shift};"
        "runpy.run_module('service', run_name='__main__')"
    )
    env = os.environ | {
        "SWEEP_DATABASE_URL": settings.database_url,
        "SWEEP_PORT": str(port),
        "SWEEP_USER_TOKEN": USER,
        "SWEEP_AGENT_TOKEN": AGENT,
    }
    process = subprocess.Popen([sys.executable, "-c", code], env=env)
    url = f"http://127.0.0.1:{port}"
    try:
        until(lambda: _answers(url), 60)
        yield url
    finally:
        process.terminate()
        process.wait(20)


def _answers(url: str) -> bool:
    try:
        with Client(url, retries=0) as client:
            return client.ready().status == "ok"
    except ServiceError:
        return False
