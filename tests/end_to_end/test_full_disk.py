"""The disk of an agent fills up in the middle of a sweep, for real: a small tmpfs."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from agent_process import AgentProcess
from running import wait_until
from service_support import hosted, make_settings, migrated
from tests_support import toy_spec

from sweeps.journal import fold
from workers.book import read_spool

pytestmark = pytest.mark.slow


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of 16 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16m", "none", folder], capture_output=True, text=True
    )
    if done.returncode:
        pytest.skip(f"no tmpfs can be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def fill(folder: Path) -> Path:
    """Take all room that is left; returns the file to remove."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (2**16, 2**12, 1):
            try:
                while file.write(bytes(size)):
                    pass
            except OSError:
                continue
    return ballast


def test_the_driver_ends_and_the_sweep_goes_on_when_there_is_room(
    tmp_path: Path, small: Path
) -> None:
    spec = toy_spec(
        workload={"recipe": "toy", "options": {"step_seconds": 0.25}},
        horizon={"samples": 16 * 60},
        report={"points": 12},
        resources={"max_attempts": 10},
    )
    settings = migrated(make_settings(tmp_path, lease_seconds=600))
    with hosted(settings) as host, host.client() as user:
        agent = AgentProcess(host.url, small, SWEEP_CHECKPOINT_SECONDS="1")
        try:
            sweep = user.create_sweep(spec).id
            wait_until(
                lambda: sum(bool(one.point) for one in user.every_trial(sweep)) >= 2,
                120,
                lambda: agent.log,
            )
            ballast = fill(small)
            # Its log lies on the full disk: the kernel says that the driver is gone.
            wait_until(lambda: not drivers(agent), 60, lambda: agent.log)
            stored = list(user.entries(sweep))
            ballast.unlink()
            wait_until(lambda: user.get_sweep(sweep).ended_at is not None, 240, lambda: agent.log)
            assert user.get_sweep(sweep).state == "DONE", agent.log
            found = list(user.entries(sweep))
            assert found[: len(stored)] == stored
            spool = read_spool(small / "sweeps" / sweep / "journal.jsonl")
            assert [one.model_dump_json() for one in spool] == [
                one.model_dump_json() for one in found
            ]
            records = fold(found).trials
            assert {str(record.state) for record in records.values()} == {"DONE"}
            assert max(len(record.attempts) for record in records.values()) >= 2
            agent.stop()
        finally:
            agent.kill()


def drivers(agent: AgentProcess) -> list[int]:
    """The processes of drivers that this agent has."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = Path(f"/proc/{name}/cmdline").read_bytes()
            parent = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if b"workers.driver" in words and parent[1] == str(agent.process.pid):
            found.append(int(name))
    return found
