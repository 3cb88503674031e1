"""python -m service: starts, refuses, ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from service_support import AGENT, USER, make_settings, make_spec, until

from service.client import Client
from service.errors import ServiceError, Unreachable
from service.settings import Settings

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(settings: Settings, port: int, **changes: str) -> subprocess.Popen[str]:
    env = {
        **{name: value for name, value in os.environ.items() if not name.startswith("SWEEP_")},
        "SWEEP_DATABASE_URL": settings.database_url,
        "SWEEP_PORT": str(port),
        "SWEEP_USER_TOKEN": USER,
        "SWEEP_AGENT_TOKEN": AGENT,
        **changes,
    }
    return subprocess.Popen(
        [sys.executable, "-m", "service"], cwd=ROOT, env=env, text=True, stderr=subprocess.PIPE
    )


@pytest.fixture
def running(settings: Settings) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A service in a process of its own, and its address."""
    port = free_port()
    process = start(settings, port)
    url = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        assert process.poll() is None, process.stderr
        try:
            return httpx.get(f"{url}/readyz", timeout=5).status_code == 200
        except httpx.HTTPError:
            return False

    until(answers, 60)
    yield process, url
    process.kill()
    process.communicate(timeout=20)


def test_it_serves_and_ends_in_good_order_with_a_stream_open(
    running: tuple[subprocess.Popen[str], str],
) -> None:
    process, url = running
    first, broke = threading.Event(), threading.Event()
    with Client(url, USER, retries=0) as client:
        sweep = client.create_sweep(make_spec(), "k").id

        def watch() -> None:
            try:
                for _ in client.events(sweep):
                    first.set()
            except Unreachable:
                broke.set()

        watcher = threading.Thread(target=watch)
        watcher.start()
        assert first.wait(20)
        process.send_signal(signal.SIGTERM)
        # uvicorn ends its requests, then dies of the signal, as a shell expects.
        assert process.wait(20) == -signal.SIGTERM
        watcher.join(20)
        assert broke.is_set()


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
def test_what_was_acknowledged_outlives_kill_9(
    running: tuple[subprocess.Popen[str], str], settings: Settings
) -> None:
    process, url = running
    with Client(url, USER) as client:
        made = [client.create_sweep(make_spec(), f"k{number}").id for number in range(3)]
    process.kill()
    process.wait(20)
    port = free_port()
    again = start(settings, port)
    try:
        with Client(f"http://127.0.0.1:{port}", USER) as client:

            def ready() -> bool:
                try:
                    return client.ready().status == "ok"
                except ServiceError:
                    return False

            until(ready, 60)
            assert {sweep.id for sweep in client.every_sweep()} == set(made)
            assert client.create_sweep(make_spec(), "k1").id == made[1]
    finally:
        again.terminate()
        again.communicate(timeout=20)


def test_it_says_in_one_line_why_it_does_not_start(tmp_path: Path, settings: Settings) -> None:
    for given, changes, said in (
        (make_settings(tmp_path / "none"), {}, "does not answer"),
        (settings, {"SWEEP_USER_TOKEN": ""}, "Set SWEEP_USER_TOKEN"),
        (settings, {"SWEEP_PORT": "no"}, "port"),
    ):
        process = start(given, free_port(), **changes)
        _, told = process.communicate(timeout=60)
        assert process.returncode == 1
        assert said in told
        assert "Traceback" not in told
