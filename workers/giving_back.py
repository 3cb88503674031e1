"""What becomes of the lease of a driver that has ended: given back at once, or after a while, or
with the end of its sweep."""

from __future__ import annotations

import logging
import time
from pathlib import Path

from service.client import Client
from service.errors import ServiceError
from service.schemas import Lease
from workers.settings import WorkerSettings

log = logging.getLogger(__name__)
# A driver that lived this long did not die of what it began with.
GROWN_SECONDS = 300.0
LONGEST_WAIT = 60.0
FULL_DISK_SECONDS = 15.0


class GivingBack:
    """A lease that is held goes back when `release_due` is called at its time."""

    def __init__(self, settings: WorkerSettings, client: Client) -> None:
        self._settings, self._client = settings, client
        self._crashes: dict[str, int] = {}
        # Leases of drivers that crashed, and when to give them back.
        self._held: list[tuple[Lease, float]] = []

    def came_through(self, lease: Lease) -> None:
        """Its driver ended in good order."""
        self._crashes.pop(lease.sweep, None)
        self.release(lease)

    def crashed(self, lease: Lease, lived: float) -> None:
        """Try again later and later; give up on a driver that keeps dying young."""
        past = 0 if lived >= GROWN_SECONDS else self._crashes.get(lease.sweep, 0)
        crashes = self._crashes[lease.sweep] = past + 1
        if crashes >= self._settings.driver_crashes:
            self._give_up(lease)
        else:
            wait = min(self._settings.poll_seconds * 2**crashes, LONGEST_WAIT)
            self._held.append((lease, time.monotonic() + wait))

    def wait_for_room(self, lease: Lease) -> None:
        """A full disk is not the sweep's fault: it is tried again for as long as it takes."""
        log.error("the disk under %s is full or broken", self._settings.storage)
        self._held.append((lease, time.monotonic() + FULL_DISK_SECONDS))

    def release_due(self) -> None:
        """Give back those that were held long enough."""
        for lease, due in list(self._held):
            if time.monotonic() >= due:
                self._held.remove((lease, due))
                self.release(lease)

    def release_held(self) -> None:
        """Give back all that are held: this agent ends."""
        for lease, _ in self._held:
            self.release(lease)

    def release(self, lease: Lease) -> None:
        """Give a lease back now."""
        try:
            self._client.release(lease.sweep, lease.token)
        except ServiceError as error:
            # Not ours any more, or it will expire: either way there is nothing to give back.
            log.info("the lease on %s was not given back: %s", lease.sweep, error.detail)

    def _give_up(self, lease: Lease) -> None:
        """A driver that cannot even start would be started for ever."""
        log_file = self._settings.sweep_folder(lease.sweep) / "driver.log"
        crashes = self._crashes.pop(lease.sweep)
        message = f"Its driver ended {crashes} times in a row:\n{_tail(log_file)}"
        try:
            self._client.finish(lease.sweep, lease.token, "FAILED", message)
        except ServiceError as error:
            log.warning("the service was not told that %s failed: %s", lease.sweep, error.detail)


def _tail(path: Path, size: int = 1500) -> str:
    """The end of a log, whatever bytes are in it."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - size))
            return file.read().decode(errors="replace")
    except OSError as error:
        return f"{path} could not be read: {error}"
