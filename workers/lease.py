"""The driver's hold on its sweep: renewed in a thread, read by everyone else."""

from __future__ import annotations

import logging
import queue
import threading
import time

from service.client import Client
from service.errors import NotFound, ServiceError, StaleLease
from service.schemas import Lease, Tracking
from sweeps.conductor import Command

log = logging.getLogger(__name__)
# A driver that lost its lease ends at once, and says so with this code (EX_TEMPFAIL).
LOST_LEASE = 75


class LeaseKeeper:
    """Renews the lease every `renew_every` seconds; collects what the service answers.

    `slots` is the newest number of slots, `commands` those handed out and not taken yet. `lost` is
    set once the token is stale: whoever holds this keeper must stop without writing. A service
    that does not answer is no loss: training goes on, and the next answer decides.
    """

    def __init__(self, client: Client, lease: Lease) -> None:
        self.slots = lease.slots
        self.lost = threading.Event()
        self.commands: queue.SimpleQueue[Command] = queue.SimpleQueue()
        self.tracking: Tracking | None = None
        self._client, self._sweep, self._token = client, lease.sweep, lease.token
        self._every = lease.renew_every
        self._quit = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lease", daemon=True)
        for command in lease.commands:
            self.commands.put(Command(command.id, command.kind, command.trial))

    def start(self) -> None:
        """Begin to renew."""
        self._thread.start()

    def stop(self) -> None:
        """Renew a last time, so that the service knows the newest links, and no more after that.

        Does not give the lease back.
        """
        self._quit.set()
        self._thread.join(timeout=5)
        if not self.lost.is_set():
            self._renew()

    def _run(self) -> None:
        while not self._quit.wait(self._every) and not self.lost.is_set():
            self._renew()

    def _renew(self) -> None:
        began = time.monotonic()
        try:
            renewal = self._client.renew(self._sweep, self._token, self.tracking)
        except (StaleLease, NotFound) as error:
            log.error("the lease on %s is lost: %s", self._sweep, error.detail)
            self.lost.set()
        except ServiceError as error:
            waited = time.monotonic() - began
            log.warning("renewing %s failed after %.1f s: %s", self._sweep, waited, error.detail)
        else:
            self.slots = renewal.slots
            for command in renewal.commands:
                self.commands.put(Command(command.id, command.kind, command.trial))
