"""The drivers of an agent: a child process for each sweep that it has claimed."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, KeysView
from dataclasses import dataclass
from tempfile import TemporaryFile

from service.client import Client
from service.schemas import Lease
from workers.children import die_with_parent
from workers.ray_env import QUIET
from workers.settings import WorkerSettings
from workers.starting import Starting

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Ended:
    """A driver that ended: its exit status, and how many seconds it lived."""

    lease: Lease
    code: int
    lived: float


@dataclass(frozen=True)
class _Driver:
    lease: Lease
    process: subprocess.Popen[bytes]
    began: float


class DriverProcesses:
    """Starts `python -m workers.driver` for a lease, and ends it. `ray_env` is what drivers need to
    reach the pool's Ray."""

    def __init__(self, settings: WorkerSettings, client: Client, ray_env: dict[str, str]) -> None:
        self._settings, self._ray_env = settings, ray_env
        self._starting = Starting(client)
        self._drivers: dict[str, _Driver] = {}

    @property
    def sweeps(self) -> KeysView[str]:
        """Those that have a driver which was not seen to end."""
        return self._drivers.keys()

    def start(self, lease: Lease) -> None:
        """Start a driver. Raises OSError."""
        self._drivers[lease.sweep] = _Driver(lease, self._spawn(lease), time.monotonic())

    def renew(self) -> None:
        """Renew the leases of those that are not up yet."""
        self._starting.renew(self._drivers)

    def ended(self) -> list[Ended]:
        """Those that ended since this was asked before."""
        found = []
        for sweep, driver in list(self._drivers.items()):
            code = driver.process.poll()
            if code is not None:
                log.info("the driver of %s ended with code %d", sweep, code)
                del self._drivers[sweep]
                found.append(Ended(driver.lease, code, time.monotonic() - driver.began))
        return found

    def kill(self, sweep: str) -> None:
        """End a driver at once."""
        driver = self._drivers.pop(sweep)
        driver.process.kill()
        driver.process.wait()

    def stop(self, seconds: float) -> Iterator[Lease]:
        """End all in good order: they save, for so long at most. Gives each lease when its driver
        has ended."""
        for driver in self._drivers.values():
            driver.process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + seconds
        for sweep, driver in self._drivers.items():
            try:
                driver.process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                log.warning("the driver of %s did not save in time and is killed", sweep)
                driver.process.kill()
                driver.process.wait()
            yield driver.lease
        self._drivers.clear()

    def _spawn(self, lease: Lease) -> subprocess.Popen[bytes]:
        folder = self._settings.sweep_folder(lease.sweep)
        folder.mkdir(parents=True, exist_ok=True)
        # The driver reads its lease from a file that has no name: a pipe would block for a large
        # one, and neither the command line nor the environment is a place for it.
        text = TemporaryFile()  # noqa: SIM115 - `Starting` closes it
        text.write(lease.model_dump_json().encode())
        text.seek(0)
        with (folder / "driver.log").open("ab") as out:
            driver = subprocess.Popen(
                [sys.executable, "-m", "workers.driver"],
                env={**os.environ, **QUIET, **self._ray_env},
                stdin=text,
                stdout=out,
                stderr=subprocess.STDOUT,
                preexec_fn=die_with_parent(),
                start_new_session=True,
            )
        self._starting.add(lease, text)
        return driver
