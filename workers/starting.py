"""Leases of drivers that are not up yet: what a driver imports may take longer than a lease."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Container
from dataclasses import dataclass
from typing import IO

from service.client import Client
from service.errors import NotFound, ServiceError, StaleLease
from service.schemas import Lease

log = logging.getLogger(__name__)
# A driver that has not read its lease after so long hangs, and another may have the sweep.
HANGS_SECONDS = 300.0


@dataclass
class _Start:
    lease: Lease
    text: IO[bytes]
    size: int
    began: float
    due: float


class Starting:
    """Renews for drivers until they have read their lease, which is when they do so themselves.

    Without this, two agents on slow machines take a sweep from each other for ever, and no driver
    of it ever gets to its first entry.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._starts: dict[str, _Start] = {}

    def add(self, lease: Lease, text: IO[bytes]) -> None:
        """A driver was started, with this open file as its standard input.

        Both have the same position in it, so the file tells how far the driver has read.
        """
        self._drop(lease.sweep)
        size, now = os.fstat(text.fileno()).st_size, time.monotonic()
        self._starts[lease.sweep] = _Start(lease, text, size, now, now + lease.renew_every)

    def renew(self, living: Container[str]) -> None:
        """Renew what is due. `living`: the sweeps whose driver has not ended."""
        now = time.monotonic()
        for sweep, start in list(self._starts.items()):
            hangs = now - start.began > HANGS_SECONDS
            if sweep not in living or hangs or _read(start):
                self._drop(sweep)
            elif now >= start.due:
                start.due = now + start.lease.renew_every
                self._renew(start.lease)

    def _renew(self, lease: Lease) -> None:
        try:
            self._client.renew(lease.sweep, lease.token)
        except (StaleLease, NotFound) as error:
            # The driver will hear it too, and end.
            log.info("the lease on %s is lost: %s", lease.sweep, error.detail)
            self._drop(lease.sweep)
        except ServiceError as error:
            log.warning("renewing %s failed: %s", lease.sweep, error.detail)

    def _drop(self, sweep: str) -> None:
        start = self._starts.pop(sweep, None)
        if start is not None:
            start.text.close()


def _read(start: _Start) -> bool:
    return os.lseek(start.text.fileno(), 0, os.SEEK_CUR) >= start.size
