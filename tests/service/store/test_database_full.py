"""A service whose own SQLite file finds no room, for real: a limit on its size, a small tmpfs."""

from __future__ import annotations

import contextlib
import os
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import pytest
from mlflow_server import free_port
from service_support import (
    AGENT,
    USER,
    Writer,
    asked,
    make_settings,
    make_spec,
    migrated,
    take,
    until,
)

from service.client import Client
from service.errors import ServiceError, Unavailable

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="prlimit and tmpfs are Linux's")
# Entries so large that a few fill what is left.
FILLER = "x" * 4000


class Process:
    """`python -m service` over a database in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        port, settings = free_port(), migrated(make_settings(folder))
        self.url = f"http://127.0.0.1:{port}"
        self.env = os.environ | {
            "SWEEP_DATABASE_URL": settings.database_url,
            "SWEEP_PORT": str(port),
            "SWEEP_USER_TOKEN": USER,
            "SWEEP_AGENT_TOKEN": AGENT,
        }
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen([sys.executable, "-m", "service"], env=self.env)
        until(self._answers, 60)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(20)

    def client(self, token: str) -> Client:
        return Client(self.url, token, retries=0)

    def _answers(self) -> bool:
        with contextlib.suppress(ServiceError), Client(self.url, retries=0) as client:
            return client.ready().status == "ok"
        return False


@contextmanager
def limited(service: Process) -> Iterator[None]:
    """Inside, no file of the service may grow much."""
    pid, none = service.process.pid, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    sizes = [path.stat().st_size for path in service.folder.glob("sweeps.db*")]
    small = (max(sizes) + 64 * 1024, resource.RLIM_INFINITY)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, small)
    yield
    resource.prlimit(pid, resource.RLIMIT_FSIZE, none)


@contextmanager
def filled(service: Process) -> Iterator[None]:
    """Inside, a large file leaves little room on the service's file system."""
    rest = os.statvfs(service.folder)
    ballast = service.folder / "ballast"
    ballast.write_bytes(bytes(rest.f_bavail * rest.f_bsize - 64 * 1024))
    yield
    ballast.unlink()


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A tmpfs of 4 MB."""
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "none", tmp_path], capture_output=True, text=True
    )
    if done.returncode:
        pytest.skip(f"no tmpfs can be mounted here: {done.stderr.strip()}")
    yield tmp_path
    subprocess.run(["umount", "-l", tmp_path], check=True)


def test_a_file_that_may_not_grow(tmp_path: Path) -> None:
    _full_and_then_not(tmp_path, limited)


def test_a_disk_that_is_full(small: Path) -> None:
    _full_and_then_not(small, filled)


def _full_and_then_not(
    folder: Path, full: Callable[[Process], AbstractContextManager[None]]
) -> None:
    service = Process(folder)
    try:
        with service.client(USER) as user, service.client(AGENT) as agent:
            sweep = user.create_sweep(make_spec()).id
            token = take(agent).token
            entries = Writer().entries(*(asked(k, filler=FILLER) for k in range(60)))
            with full(service):
                taken, said = 0, ""
                while not said:
                    try:
                        taken = agent.append(sweep, token, [entries[taken]])
                    except Unavailable as error:
                        said = error.detail
                assert "disk" in said
                assert "free some space" in said
                assert 0 < taken < 50
                with pytest.raises(Unavailable, match="free some space"):
                    _submit_for_ever(user)
                # What was acknowledged can be read meanwhile.
                assert [one.seq for one in user.entries(sweep)] == list(range(1, taken + 1))
            # There is room again, and the same process goes on where it was.
            assert agent.append(sweep, token, entries[taken:]) == len(entries)
            service.kill()
            service.start()
            assert list(user.entries(sweep)) == entries
            with closing(sqlite3.connect(folder / "sweeps.db")) as wire:
                assert wire.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    finally:
        service.kill()


def _submit_for_ever(user: Client) -> None:
    while True:
        user.create_sweep(make_spec())
