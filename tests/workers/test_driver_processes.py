"""Drivers replaced by shells: that a real one comes up is test_agent's and end_to_end's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest
from service_support import until

from service.client import Client
from service.schemas import Lease
from workers.driver_processes import DriverProcesses
from workers.settings import WorkerSettings

SWEEPS = ["swp_" + digit * 32 for digit in "01"]


def lease(sweep: str) -> Lease:
    fields = {"sweep": sweep, "spec": {}, "state": "RUNNING", "token": 1, "slots": 1}
    more = {"expires_in": 30, "renew_every": 5, "commands": [], "tracking": None}
    return Lease.model_validate({**fields, **more})


@pytest.fixture
def drivers(tmp_path: Path) -> DriverProcesses:
    settings = WorkerSettings(storage=tmp_path)
    return DriverProcesses(settings, Client("http://127.0.0.1:9"), {"RAY_ADDRESS": "nowhere"})


def shells(monkeypatch: pytest.MonkeyPatch, drivers: DriverProcesses, *scripts: str) -> None:
    """Start a driver for each; none comes back before its shell has set its traps."""
    left = list(scripts)

    def spawn(_: Lease) -> subprocess.Popen[bytes]:
        line = f"{left.pop(0)}\necho up\nwhile true; do sleep 0.05; done"
        shell = subprocess.Popen(["sh", "-c", line], stdout=subprocess.PIPE)
        assert shell.stdout is not None
        shell.stdout.readline()
        shell.stdout.close()
        return shell

    monkeypatch.setattr(drivers, "_spawn", spawn)
    for sweep, _ in zip(SWEEPS, scripts, strict=False):
        drivers.start(lease(sweep))


def test_one_that_ends_is_told_of_once(
    drivers: DriverProcesses, monkeypatch: pytest.MonkeyPatch
) -> None:
    shells(monkeypatch, drivers, "exit 3", ":")
    found = list(drivers.ended())
    until(lambda: found.extend(drivers.ended()) or bool(found))
    assert [(ended.lease.sweep, ended.code) for ended in found] == [(SWEEPS[0], 3)]
    assert (list(drivers.sweeps), drivers.ended()) == (SWEEPS[1:], [])
    drivers.kill(SWEEPS[1])
    assert not drivers.sweeps


def test_at_the_end_they_save_and_who_does_not_in_time_is_killed(
    drivers: DriverProcesses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saves = f"trap 'touch {tmp_path}/saved; exit 0' TERM"
    shells(monkeypatch, drivers, saves, "trap '' TERM")
    assert [lease.sweep for lease in drivers.stop(1.0)] == SWEEPS
    assert (tmp_path / "saved").exists()
    assert not drivers.sweeps


def test_a_driver_reads_its_lease_from_its_standard_input(
    drivers: DriverProcesses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = list[tuple[list[str], bytes]]()

    class Recorded:
        def __init__(self, command: list[str], *, stdin: IO[bytes], **_: object) -> None:
            started.append((command, stdin.read()))

    monkeypatch.setattr(subprocess, "Popen", Recorded)
    drivers.start(lease(SWEEPS[0]))
    ((command, text),) = started
    assert command == [sys.executable, "-m", "workers.driver"]
    assert Lease.model_validate_json(text) == lease(SWEEPS[0])
    assert (tmp_path / "sweeps" / SWEEPS[0] / "driver.log").exists()
