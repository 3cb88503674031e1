"""The database goes away in the middle of a sweep, under a real service, agent, driver and Ray."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from running import wait_until
from service_support import Host, hosted, make_settings, migrated
from serving import Agent, agent_of
from tests_support import toy_spec

from service.client import Client
from service.errors import ServiceError, Unavailable
from sweeps.journal import Story, fold
from workers.book import read_spool

pytestmark = pytest.mark.slow
STEPS = 60
SPEC = toy_spec(
    workload={"recipe": "toy", "options": {"step_seconds": 0.25}},
    horizon={"samples": 16 * STEPS},
    report={"points": 12},
)


class Scene:
    """One sweep under way, on a service whose leases are short."""

    def __init__(self, host: Host, agent: Agent, folder: Path, client: Client) -> None:
        self.agent, self.client = agent, client
        self.sweep = client.create_sweep(SPEC).id
        self.spool = folder / "storage" / "sweeps" / self.sweep / "journal.jsonl"
        wait_until(lambda: self.points() >= 3, 120, agent.log)

    def story(self) -> Story:
        return fold(self.client.entries(self.sweep))

    def points(self) -> int:
        """Reports that the service has."""
        return sum(len(record.reports) for record in self.story().trials.values())

    def written(self) -> int:
        """Entries that the driver has."""
        return len(read_spool(self.spool))

    def ended_whole(self) -> None:
        """The sweep ends DONE; the service has what the driver wrote, once each, and no trial was
        begun again."""
        over = lambda: self.client.get_sweep(self.sweep).ended_at is not None  # noqa: E731
        wait_until(over, 180, self.agent.log)
        assert self.client.get_sweep(self.sweep).state == "DONE", self.agent.log()
        stored = [one.model_dump_json() for one in self.client.entries(self.sweep)]
        assert stored == [one.model_dump_json() for one in read_spool(self.spool)]
        records = self.story().trials
        assert {str(record.state) for record in records.values()} == {"DONE"}
        assert {len(record.reports) for record in records.values()} == {12}
        assert [len(record.attempts) for record in records.values()] == [1, 1, 1, 1]


def refusals(client: Client, seconds: float) -> list[str]:
    """What a user hears who submits again and again for so long."""
    said, end = list[str](), time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.monotonic()
        with pytest.raises(Unavailable) as caught:
            client.create_sweep(toy_spec(resources={"pool": "nobody"}), "one key")
        assert type(caught.value) is Unavailable, "an answer of the service, and not silence"
        assert time.monotonic() - began < 10
        said.append(caught.value.detail)
        time.sleep(0.5)
    return said


def test_sqlite_is_locked_for_30_seconds(tmp_path: Path) -> None:
    settings = migrated(make_settings(tmp_path, lease_seconds=10, renew_seconds=1))
    path = settings.database_url.removeprefix("sqlite:///")
    with (
        hosted(settings) as host,
        host.client(retries=0) as client,
        agent_of(host, tmp_path / "agent", slots=2) as agent,
    ):
        scene = Scene(host, agent, tmp_path / "agent", client)
        before = scene.written()
        with closing(sqlite3.connect(path, isolation_level=None)) as wire:
            wire.execute("BEGIN IMMEDIATE")
            said = refusals(client, 30)
            stored, written = len(list(client.entries(scene.sweep))), scene.written()
            wire.execute("ROLLBACK")
        assert len(said) >= 3
        assert all("try again" in line for line in said), said
        assert written > before + 4, "training went on"
        assert stored < written, "and its journal waited on disk"
        assert client.create_sweep(toy_spec(resources={"pool": "nobody"}), "one key").id
        scene.ended_whole()
        assert len(list(client.every_sweep())) == 2


def test_postgresql_is_stopped_and_started_again(tmp_path: Path) -> None:
    """Once in good order and once as in a crash, each for longer than a lease."""
    postgres_of = pytest.importorskip("postgres", reason="PostgreSQL is not installed here").running
    # The stock settings: what was acknowledged must outlive "immediate".
    with postgres_of("max_connections = 100\n") as postgres, postgres.empty() as url:
        settings = make_settings(tmp_path, database_url=url, lease_seconds=4, renew_seconds=0.5)
        with (
            hosted(settings) as host,
            host.client(retries=0) as client,
            agent_of(host, tmp_path / "agent", slots=2) as agent,
        ):
            scene = Scene(host, agent, tmp_path / "agent", client)
            for mode in ("fast", "immediate"):
                before = scene.written()
                known = [one.model_dump_json() for one in client.entries(scene.sweep)]
                postgres.stop(mode)
                try:
                    said = refusals(client, 6)
                    with pytest.raises(ServiceError):
                        client.get_sweep(scene.sweep)
                    written = scene.written()
                finally:
                    postgres.start()
                assert set(said) == {"the database does not answer; try again"}
                assert written > before, "training went on"
                wait_until(lambda n=written: len(list(client.entries(scene.sweep))) >= n, 60)
                stored = [one.model_dump_json() for one in client.entries(scene.sweep)]
                assert stored[: len(known)] == known, "what was acknowledged is there"
            assert client.create_sweep(toy_spec(resources={"pool": "nobody"}), "one key").id
            scene.ended_whole()
