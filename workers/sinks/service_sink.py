"""Ships journal entries to the service, in order, each once."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from service.client import Client
from service.errors import JournalGap, NotFound, ServiceError, StaleLease
from sweeps.journal import Entry

log = logging.getLogger(__name__)
BATCH = 200
LONGEST_WAIT = 10.0
# 4xx that pass: a token being changed, a proxy that is busy. Any other would come again for ever.
_PASSING = {401, 403, 408, 429}


class ServiceSink:
    """Entries wait in memory (and in the book's spool) until the service has stored them.

    `stored` is the last seq that the service has. `acknowledged` is called for every entry the
    service has, in order, on the sink's thread: what only the driver knows is not shown elsewhere.
    `lost` is set when the token is stale, when the service has less than it had, or when an entry
    is refused; nothing is sent after that. When one is refused, `aside` is called first, once: what
    this driver wrote leads nowhere, and the next one must start from the service's journal.
    """

    def __init__(
        self,
        client: Client,
        sweep_id: str,
        token: int,
        stored: int,
        acknowledged: Callable[[Entry], None],
        lost: threading.Event,
        *,
        aside: Callable[[], None],
    ) -> None:
        self._client, self._sweep, self._token = client, sweep_id, token
        self._stored, self._acknowledged, self._lost = stored, acknowledged, lost
        self._aside = aside
        self._queue: list[Entry] = []
        self._news = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="service-sink", daemon=True)
        self._thread.start()

    def take(self, entry: Entry) -> None:
        """Queue an entry; one the service already has is acknowledged by the sink's thread."""
        with self._news:
            self._queue.append(entry)
            self._news.notify()

    def close(self, timeout: float) -> bool:
        """Wait until everything is stored, at most `timeout` seconds. True when it is."""
        with self._news:
            self._closing = True
            self._news.notify()
        self._thread.join(timeout)
        return not self._queue

    def _run(self) -> None:
        wait = 0.2
        while batch := self._next():
            if self._send(batch):
                wait = 0.2
                continue
            if self._lost.wait(wait):
                return
            wait = min(wait * 2, LONGEST_WAIT)

    def _next(self) -> list[Entry]:
        """The next entries to send, waiting for some; empty when closing or lost."""
        with self._news:
            while not self._queue and not self._closing and not self._lost.is_set():
                self._news.wait(1.0)
            return [] if self._lost.is_set() else self._queue[:BATCH]

    def _send(self, batch: list[Entry]) -> bool:
        fresh = [entry for entry in batch if entry.seq > self._stored]
        try:
            if fresh:
                self._stored = self._client.append(self._sweep, self._token, fresh)
        except (StaleLease, NotFound) as error:
            log.error("the journal of %s is no longer ours: %s", self._sweep, error.detail)
            self._lost.set()
            return False
        except JournalGap as error:
            # The service forgot what it had stored: its database was restored. The spool stays; the
            # next driver finds that it continues the service's journal, and ships it again.
            log.error("the service has less of %s than it had: %s", self._sweep, error.detail)
            self._lost.set()
            return False
        except ServiceError as error:
            if _refused(error):
                self._refuse(error)
            else:
                log.warning("the service did not take entry %d: %s", fresh[0].seq, error.detail)
            return False
        for entry in batch:
            self._acknowledged(entry)
        with self._news:
            del self._queue[: len(batch)]
        return True

    def _refuse(self, error: ServiceError) -> None:
        log.error("the journal of %s was refused, the spool is put aside: %s", self._sweep, error)
        try:
            self._aside()
        finally:
            # Last: whoever sees it ends this process at once.
            self._lost.set()


def _refused(error: ServiceError) -> bool:
    return 400 <= error.status < 500 and error.status not in _PASSING
