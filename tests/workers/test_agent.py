"""An agent against a real service, its drivers replaced by nothing: real Ray is end_to_end's."""

from __future__ import annotations

import errno
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from service_support import AGENT, Host, hosted, make_settings, make_spec, migrated, until

from service.schemas import Lease
from workers.agent import Agent
from workers.book import NOT_WRITTEN
from workers.settings import WorkerSettings


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    with hosted(migrated(make_settings(tmp_path, lease_seconds=600))) as found:
        yield found


def serve(agent: Agent) -> tuple[threading.Thread, threading.Event]:
    stop = threading.Event()
    thread = threading.Thread(target=agent.serve, args=(stop,), daemon=True)
    thread.start()
    return thread, stop


def make_agent(host: Host, folder: Path) -> Agent:
    settings = WorkerSettings(
        service_url=host.url,
        agent_token=AGENT,
        storage=folder,
        recipes="toy=toy_recipe:run",
        poll_seconds=0.05,
        grace_seconds=5,
        driver_crashes=2,
    )
    nowhere = {"SWEEP_AGENT_TOKEN": AGENT, "SWEEP_SERVICE_URL": host.url, "RAY_ADDRESS": ""}
    return Agent(settings, host.client(AGENT), nowhere, 1, "cpu")


def test_a_driver_that_cannot_start_is_tried_and_then_given_up(host: Host, tmp_path: Path) -> None:
    """Without RAY_ADDRESS a driver ends at once; each time its lease is given back."""
    with host.client() as user:
        sweep = user.create_sweep(make_spec())
        thread, stop = serve(make_agent(host, tmp_path))
        until(lambda: user.get_sweep(sweep.id).state == "FAILED", 120)
        assert user.pools().items[0].agents[0].recipes == ["sft", "toy"]
        assert "RAY_ADDRESS is not set" in user.get_sweep(sweep.id).message
        log = tmp_path / "sweeps" / sweep.id / "driver.log"
        assert log.read_text().count("Traceback") == 2
        stop.set()
        thread.join(20)


def test_a_full_disk_fails_no_sweep(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Drivers end with NOT_WRITTEN more often than the limit of crashes, and the sweep waits."""
    monkeypatch.setattr("workers.giving_back.FULL_DISK_SECONDS", 0.05)
    agent, starts = make_agent(host, tmp_path), list[str]()

    def full(lease: Lease) -> subprocess.Popen[bytes]:
        starts.append(lease.sweep)
        if len(starts) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        return subprocess.Popen(["sh", "-c", f"exit {NOT_WRITTEN}"])

    monkeypatch.setattr(agent._drivers, "_spawn", full)
    with host.client() as user:
        sweep = user.create_sweep(make_spec())
        thread, stop = serve(agent)
        until(lambda: len(starts) >= 6, 60)
        stop.set()
        thread.join(20)
        assert user.get_sweep(sweep.id).state == "RUNNING"


def test_an_agent_ends_with_its_ray(host: Host, tmp_path: Path) -> None:
    agent = make_agent(host, tmp_path)
    assert agent.serve(threading.Event(), lambda: False) is False


def test_an_agent_outlives_a_service_that_goes_away(host: Host, tmp_path: Path) -> None:
    thread, stop = serve(make_agent(host, tmp_path))
    with host.client() as user:
        until(lambda: bool(user.pools().items))
    host.stop()
    assert thread.is_alive()
    stop.set()
    thread.join(20)
    assert not thread.is_alive()


def test_an_agent_that_ends_in_good_order_is_no_longer_listed(host: Host, tmp_path: Path) -> None:
    thread, stop = serve(make_agent(host, tmp_path))
    with host.client() as user:
        until(lambda: bool(user.pools().items))
        stop.set()
        thread.join(20)
        assert user.pools().items == []
