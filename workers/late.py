"""The agent's look after sweeps that ended before MLflow had all of them."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from collections.abc import Collection
from tempfile import TemporaryDirectory

from service.client import Client
from service.errors import ServiceError
from sweeps.lifecycle import SWEEP_ENDS
from workers.children import die_with_parent
from workers.leftovers import Leftovers
from workers.settings import WorkerSettings

log = logging.getLogger(__name__)
# Between two looks for marked sweeps; after a try that left something, longer and longer.
LOOK_SECONDS = 5.0
LONGEST_WAIT = 300.0


class LateShipping:
    """Starts `python -m workers.shipping`, one process at a time, for marked sweeps that ended.

    `look` is called again and again and is cheap; nothing here waits.
    """

    def __init__(self, settings: WorkerSettings, client: Client) -> None:
        self._settings, self._client = settings, client
        self._marks = Leftovers(settings.storage)
        self._child: subprocess.Popen[bytes] | None = None
        # For what it draws and exports: it may be killed in the middle of that.
        self._scratch: TemporaryDirectory[str] | None = None
        self._sweeps: list[str] = []
        self._wait, self._due = LOOK_SECONDS, 0.0

    def look(self, driven: Collection[str]) -> None:
        """See to marked sweeps that nobody drives; `driven` are those of this agent."""
        now = time.monotonic()
        if self._child is not None:
            code = self._child.poll()
            if code is None:
                return
            self._forget()
            self._wait = LOOK_SECONDS if code == 0 else min(2 * self._wait, LONGEST_WAIT)
            self._due = now + self._wait
        if now < self._due:
            return
        self._due = now + self._wait
        self._sweeps = [s for s in self._marks.sweeps() if s not in driven and self._ended(s)]
        if self._sweeps:
            self._start()

    def yield_to(self, sweep: str) -> None:
        """A driver is about to show this sweep itself: two at once would make runs twice."""
        if sweep in self._sweeps:
            self.stop()

    def stop(self) -> None:
        """End the process, if one runs. Whatever it was at is done again by the next."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            self._forget()

    def _forget(self) -> None:
        self._child = None
        if self._scratch is not None:
            self._scratch.cleanup()
            self._scratch = None

    def _ended(self, sweep: str) -> bool:
        try:
            return self._client.get_sweep(sweep).state in SWEEP_ENDS
        except ServiceError as error:
            log.info("%s is marked, and the service says: %s", sweep, error.detail)
            return False

    def _start(self) -> None:
        log.info("bringing %d ended sweeps to MLflow", len(self._sweeps))
        try:
            self._scratch = TemporaryDirectory(
                prefix="sweepctl-shipping-", ignore_cleanup_errors=True
            )
            with (self._settings.storage / "shipping.log").open("ab") as out:
                self._child = subprocess.Popen(
                    [sys.executable, "-m", "workers.shipping", *self._sweeps],
                    env={**os.environ, "TMPDIR": self._scratch.name},
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    preexec_fn=die_with_parent(),
                    start_new_session=True,
                )
        except OSError as error:
            log.error("what MLflow has not got could not be shipped: %s", error)
            self._forget()
