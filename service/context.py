"""What one app holds: settings, database, keyring, metrics, and the gate of its writers."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from service import clock
from service.auth import Keyring
from service.clock import Terms
from service.metrics import Metrics
from service.settings import Settings
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

    def terms(self) -> Terms:
        """This moment, and how long leases last."""
        return Terms(clock.now(), self.settings.lease_seconds, self.settings.renew_seconds)


def make(settings: Settings) -> Context:
    """The context of a new app. Raises SettingsError."""
    database = Database(settings.database_url, settings.limits())
    gate = asyncio.Semaphore(database.writers)
    return Context(settings, database, Keyring(*settings.tokens()), Metrics(), gate)
