"""`python -m service`: serve the API, on loopback unless SWEEP_HOST says otherwise."""

from __future__ import annotations

import sys

import uvicorn

from service.app import create_app
from service.migrate import fault
from service.settings import Settings, SettingsError
from service.store.database import Database

# Seconds that requests under way have to end after SIGTERM.
DRAIN_SECONDS = 10


def main() -> int:
    """Serve until SIGTERM or SIGINT. Says in one line why it cannot start, exit code 1."""
    try:
        settings = Settings()
        app = create_app(settings)
        _check(settings)
    except (SettingsError, ValueError) as error:
        print(f"sweeps: {error}", file=sys.stderr)
        return 1
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )
    return 0


def _check(settings: Settings) -> None:
    database = Database(settings.database_url, settings.limits())
    try:
        found = fault(database)
    finally:
        database.close()
    if found is not None:
        raise SettingsError(found)


if __name__ == "__main__":
    sys.exit(main())
