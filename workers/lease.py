"""The driver's hold on its sweep: renewed in a thread, read by everyone else."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Sequence

from service import schemas
from service.client import Client
from service.errors import NotFound, ServiceError, StaleLease
from service.schemas import Lease, Tracking
from sweeps.conductor import Command

log = logging.getLogger(__name__)
# A driver that lost its lease ends at once, and says so with this code (EX_TEMPFAIL).
LOST_LEASE = 75


class LeaseKeeper:
    """Renews the lease as often as the service asks; collects what the service answers.

    `slots` are the newest number of devices to use and `max_parallel` of trials to run (None: no
    limit); `commands` those handed out and not taken yet. `lost` is set once the token is stale:
    whoever holds this keeper must stop without writing. A service that does not answer is no
    loss: training goes on, and the next answer decides. Until then `sure` is False.
    """

    def __init__(self, client: Client, lease: Lease) -> None:
        self.slots, self.max_parallel = lease.slots, lease.max_parallel
        self.lost = threading.Event()
        self.commands: queue.SimpleQueue[Command] = queue.SimpleQueue()
        self.tracking: Tracking | None = None
        self._client, self._sweep, self._token = client, lease.sweep, lease.token
        self._every = lease.renew_every
        self._sure_until = 0.0
        self._quit = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lease", daemon=True)
        self._take(lease.commands)

    def start(self) -> None:
        """Renew, and go on doing so in a thread."""
        self._renew()
        self._thread.start()

    def stop(self) -> None:
        """Renew a last time, so that the service knows the newest links, and no more after that.

        Does not give the lease back.
        """
        self._quit.set()
        self._thread.join(timeout=5)
        if not self.lost.is_set():
            self._renew()

    def sure(self) -> bool:
        """True while nobody else can have got the lease: it was renewed, and lasts still."""
        return not self.lost.is_set() and _now() < self._sure_until

    def _run(self) -> None:
        while not self._quit.wait(self._every) and not self.lost.is_set():
            self._renew()

    def _renew(self) -> None:
        began = _now()
        try:
            renewal = self._client.renew(self._sweep, self._token, self.tracking)
        except (StaleLease, NotFound) as error:
            log.error("the lease on %s is lost: %s", self._sweep, error.detail)
            self.lost.set()
        except ServiceError as error:
            waited = _now() - began
            log.warning("renewing %s failed after %.1f s: %s", self._sweep, waited, error.detail)
        else:
            # From the question on, not from the answer: the service counts from in between.
            self._sure_until = began + renewal.expires_in
            # The service may have been started again with leases of another length.
            self._every = renewal.renew_every or self._every
            self.slots, self.max_parallel = renewal.slots, renewal.max_parallel
            self._take(renewal.commands)

    def _take(self, commands: Sequence[schemas.Command]) -> None:
        for one in commands:
            self.commands.put(Command(one.id, one.kind, one.trial, one.trials))


def _now() -> float:
    """Seconds, counted also while this machine sleeps, where the system can tell."""
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime(clock)
