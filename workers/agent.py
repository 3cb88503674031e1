"""An agent: serves one pool, claims its sweeps, starts a driver for each, gives leases back.

`python -m workers.agent`. With RAY_ADDRESS it joins that Ray; without it a local one is started.
"""

from __future__ import annotations

import logging
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryFile

import psutil

from service.client import Client
from service.errors import ServiceError
from service.schemas import ClaimRequest, Lease
from workers.book import NOT_WRITTEN, no_room
from workers.children import die_with_parent
from workers.late import LateShipping
from workers.logs import start_logging
from workers.ray_env import QUIET
from workers.ray_head import RayHead
from workers.recipes import recipe_names
from workers.recipes.commands import read_commands
from workers.settings import WorkerSettings
from workers.starting import Starting

log = logging.getLogger(__name__)
AGENT_BACKOFF = 10.0
# A driver that lived this long did not die of what it began with.
GROWN_SECONDS = 300.0
LONGEST_WAIT = 60.0
FULL_DISK_SECONDS = 15.0


class Agent:
    """One pool's agent. `ray_env` is what its drivers need to reach the pool's Ray."""

    def __init__(
        self,
        settings: WorkerSettings,
        client: Client,
        ray_env: dict[str, str],
        slots: int,
        kind: str,
    ) -> None:
        self._settings, self._client, self._ray_env = settings, client, ray_env
        self._crashes: dict[str, int] = {}
        # Leases of drivers that crashed, and when to give them back.
        self._held: list[tuple[Lease, float]] = []
        self._drivers: dict[str, tuple[Lease, subprocess.Popen[bytes], float]] = {}
        self._starting = Starting(client)
        self._late = LateShipping(settings, client)
        self._claim = ClaimRequest(
            agent=f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(2)}",
            pool=settings.pool,
            device_kind=kind,
            slots=slots,
            recipes=recipe_names(settings.recipes, read_commands(settings.commands)),
            version=version("sweepctl"),
        )

    def serve(self, stop: threading.Event, ray_lives: Callable[[], bool] = lambda: True) -> bool:
        """Claim and drive until `stop` is set; then end the drivers in good order.

        Returns False when it ended because its Ray did.
        """
        wait = self._settings.poll_seconds
        while not stop.wait(wait):
            if not ray_lives():
                log.error("the local Ray has ended")
                self._end_drivers()
                return False
            self._reap()
            self._starting.renew(self._drivers)
            self._late.look(self._drivers)
            wait = self._settings.poll_seconds
            try:
                self._take_one()
            except ServiceError as error:
                log.warning("the service does not answer: %s", error)
                wait = min(AGENT_BACKOFF, wait * 5)
        self._end_drivers()
        return True

    def _take_one(self) -> None:
        # A full agent still calls, so that the service knows it is alive. Sweeps whose driver
        # lives are named: after an outage their leases have expired, and their drivers go on.
        request = self._claim.model_copy(update={"driving": list(self._drivers)})
        lease = self._client.claim(request)
        if lease is None:
            return
        if lease.sweep in self._drivers:
            self._end(lease.sweep)
        self._late.yield_to(lease.sweep)
        log.info("driving %s on %d slots", lease.sweep, lease.slots)
        try:
            self._drivers[lease.sweep] = (lease, self._start(lease), time.monotonic())
        except OSError as error:
            log.error("no driver could be started for %s: %s", lease.sweep, error)
            if no_room(error):
                self._wait_for_room(lease)
            else:
                self._crashed(lease, 0.0)

    def _start(self, lease: Lease) -> subprocess.Popen[bytes]:
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

    def _reap(self) -> None:
        for sweep, (lease, driver, began) in list(self._drivers.items()):
            code = driver.poll()
            if code is None:
                continue
            log.info("the driver of %s ended with code %d", sweep, code)
            del self._drivers[sweep]
            if code == 0:
                self._crashes.pop(sweep, None)
                self._release(lease)
            elif code == NOT_WRITTEN:
                self._wait_for_room(lease)
            else:
                # A lost lease too: an entry that is refused again and again loses it each time.
                self._crashed(lease, time.monotonic() - began)
        for lease, due in list(self._held):
            if time.monotonic() >= due:
                self._held.remove((lease, due))
                self._release(lease)

    def _crashed(self, lease: Lease, lived: float) -> None:
        """Try again later and later; give up on a driver that keeps dying young."""
        past = 0 if lived >= GROWN_SECONDS else self._crashes.get(lease.sweep, 0)
        crashes = self._crashes[lease.sweep] = past + 1
        if crashes >= self._settings.driver_crashes:
            self._give_up(lease)
        else:
            wait = min(self._settings.poll_seconds * 2**crashes, LONGEST_WAIT)
            self._held.append((lease, time.monotonic() + wait))

    def _wait_for_room(self, lease: Lease) -> None:
        """A full disk is not the sweep's fault: it is tried again for as long as it takes."""
        log.error("the disk under %s is full or broken", self._settings.storage)
        self._held.append((lease, time.monotonic() + FULL_DISK_SECONDS))

    def _give_up(self, lease: Lease) -> None:
        """A driver that cannot even start would be started for ever."""
        log_file = self._settings.sweep_folder(lease.sweep) / "driver.log"
        crashes = self._crashes.pop(lease.sweep)
        message = f"Its driver ended {crashes} times in a row:\n{_tail(log_file)}"
        try:
            self._client.finish(lease.sweep, lease.token, "FAILED", message)
        except ServiceError as error:
            log.warning("the service was not told that %s failed: %s", lease.sweep, error.detail)

    def _end(self, sweep: str) -> None:
        """The service gave the lease out again: the driver we still have is a stale one."""
        _, driver, _ = self._drivers.pop(sweep)
        driver.kill()
        driver.wait()

    def _end_drivers(self) -> None:
        self._late.stop()
        for _, driver, _ in self._drivers.values():
            driver.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + self._settings.grace_seconds
        for sweep, (lease, driver, _) in self._drivers.items():
            try:
                driver.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                log.warning("the driver of %s did not save in time and is killed", sweep)
                driver.kill()
                driver.wait()
            self._release(lease)
        for lease, _ in self._held:
            self._release(lease)
        self._drivers.clear()
        try:
            self._client.claim(self._claim.model_copy(update={"leaving": True}))
        except ServiceError as error:
            log.info("the service was not told that this agent ends: %s", error.detail)

    def _release(self, lease: Lease) -> None:
        try:
            self._client.release(lease.sweep, lease.token)
        except ServiceError as error:
            # Not ours any more, or it will expire: either way there is nothing to give back.
            log.info("the lease on %s was not given back: %s", lease.sweep, error.detail)


def main() -> int:
    """Run until SIGTERM or SIGINT."""
    start_logging()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    settings = WorkerSettings()
    client = Client(settings.service_url, settings.token())
    address = os.environ.get("RAY_ADDRESS")
    if address:
        slots = settings.slots or psutil.cpu_count() or 1
        Agent(settings, client, {"RAY_ADDRESS": address}, slots, settings.device_kind).serve(stop)
        return 0
    gpus = visible_gpus()
    slots = settings.slots or gpus or psutil.cpu_count() or 1
    # The service deals out the slots; Ray's own count leaves room for the idle worker that each
    # sweep keeps warm, so that two sweeps never wait for each other's.
    head = RayHead(cpus=2 * max(slots, psutil.cpu_count() or 1), gpus=gpus)
    settings.storage.mkdir(parents=True, exist_ok=True)
    try:
        head.start(settings.storage / "ray.log")
        agent = Agent(settings, client, head.env, slots, "cuda" if gpus else "cpu")
        served = agent.serve(stop, head.alive)
    finally:
        head.stop()
    return 0 if served else 1


def visible_gpus() -> int:
    """How many CUDA devices Ray's own detection sees, without importing torch."""
    from ray._private.accelerators import NvidiaGPUAcceleratorManager  # heavy, only used here

    return int(NvidiaGPUAcceleratorManager.get_current_node_num_accelerators())


def _tail(path: Path, size: int = 1500) -> str:
    """The end of a log, whatever bytes are in it."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - size))
            return file.read().decode(errors="replace")
    except OSError as error:
        return f"{path} could not be read: {error}"


if __name__ == "__main__":
    sys.exit(main())
