"""An agent: serves one pool, claims its sweeps, starts a driver for each, gives leases back.

`python -m workers.agent`. With RAY_ADDRESS it joins that Ray; without it a local one is started.
"""

from __future__ import annotations

import logging
import os
import secrets
import signal
import socket
import sys
import threading
from collections.abc import Callable
from importlib.metadata import version

import psutil

from service.client import Client
from service.errors import ServiceError
from service.schemas import ClaimRequest, Lease
from workers.book import NOT_WRITTEN, no_room
from workers.driver_processes import DriverProcesses
from workers.giving_back import GivingBack
from workers.late import LateShipping
from workers.logs import start_logging
from workers.ray_head import RayHead, visible_gpus
from workers.recipes import recipe_names
from workers.recipes.commands import read_commands
from workers.settings import WorkerSettings

log = logging.getLogger(__name__)
AGENT_BACKOFF = 10.0


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
        self._settings, self._client = settings, client
        self._drivers = DriverProcesses(settings, client, ray_env)
        self._leases = GivingBack(settings, client)
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
                self._leave()
                return False
            self._reap()
            self._drivers.renew()
            self._late.look(self._drivers.sweeps)
            wait = self._settings.poll_seconds
            try:
                self._take_one()
            except ServiceError as error:
                log.warning("the service does not answer: %s", error)
                wait = min(AGENT_BACKOFF, wait * 5)
        self._leave()
        return True

    def _reap(self) -> None:
        for driver in self._drivers.ended():
            if driver.code == 0:
                self._leases.came_through(driver.lease)
            elif driver.code == NOT_WRITTEN:
                self._leases.wait_for_room(driver.lease)
            else:
                # A lost lease too: an entry that is refused again and again loses it each time.
                self._leases.crashed(driver.lease, driver.lived)
        self._leases.release_due()

    def _take_one(self) -> None:
        # A full agent still calls, so that the service knows it is alive. Sweeps whose driver
        # lives are named: after an outage their leases have expired, and their drivers go on.
        request = self._claim.model_copy(update={"driving": list(self._drivers.sweeps)})
        lease = self._client.claim(request)
        if lease is None:
            return
        if lease.sweep in self._drivers.sweeps:
            # The service gave the lease out again: the driver we still have is a stale one.
            self._drivers.kill(lease.sweep)
        self._late.yield_to(lease.sweep)
        self._drive(lease)

    def _drive(self, lease: Lease) -> None:
        log.info("driving %s on %d slots", lease.sweep, lease.slots)
        try:
            self._drivers.start(lease)
        except OSError as error:
            log.error("no driver could be started for %s: %s", lease.sweep, error)
            if no_room(error):
                self._leases.wait_for_room(lease)
            else:
                self._leases.crashed(lease, 0.0)

    def _leave(self) -> None:
        self._late.stop()
        for lease in self._drivers.stop(self._settings.grace_seconds):
            self._leases.release(lease)
        self._leases.release_held()
        try:
            self._client.claim(self._claim.model_copy(update={"leaving": True}))
        except ServiceError as error:
            log.info("the service was not told that this agent ends: %s", error.detail)


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


if __name__ == "__main__":
    sys.exit(main())
