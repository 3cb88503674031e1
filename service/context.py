"""What one app holds: settings, database, keyring, metrics, and the gate of its writers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from service.auth import Keyring
from service.clock import Clock, Terms
from service.errors import Unavailable
from service.metrics import Metrics
from service.settings import Settings
from service.store import trouble
from service.store.database import Database


@dataclass(frozen=True)
class Context:
    """Made once by `create_app`. `gate` lets as many writers in as the database takes at once:
    they wait there, on the event loop, and not in threads that the one ahead of them needs."""

    settings: Settings
    database: Database
    keyring: Keyring
    metrics: Metrics
    gate: asyncio.Semaphore
    clock: Clock

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Inside, it is this request's turn to write. Raises Unavailable when the others, or who
        locked the database, keep it waiting as long as it would wait for a connection."""
        try:
            async with asyncio.timeout(self.settings.database_pool_seconds):
                await self.gate.acquire()
        except TimeoutError:
            raise Unavailable(trouble.CROWDED) from None
        try:
            yield
        finally:
            self.gate.release()

    def terms(self) -> Terms:
        """This moment, and how long leases last."""
        return Terms(self.clock.now(), self.settings.lease_seconds, self.settings.renew_seconds)


def make(settings: Settings) -> Context:
    """The context of a new app. Raises SettingsError."""
    database = Database(settings.database_url, settings.limits())
    gate = asyncio.Semaphore(database.writers)
    return Context(settings, database, Keyring(*settings.tokens()), Metrics(), gate, Clock())
