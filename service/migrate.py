"""`python -m service.migrate`: bring the database to the tables of this version."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import SQLAlchemyError

from service.settings import Settings
from service.store import trouble
from service.store.database import Database

FOLDER = Path(__file__).resolve().parent.parent / "migrations"


def config(database: Database) -> Config:
    """Alembic's configuration for one database."""
    found = Config()
    found.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    found.attributes["engine"] = database.engine
    return found


def upgrade(database: Database, to: str = "head") -> None:
    """Run the migrations that are missing. Raises NewerDatabaseError, sqlalchemy's errors."""
    found = _revision(database)
    if found is not None and found not in _known(database):
        raise NewerDatabaseError(_newer(found))
    command.upgrade(config(database), to)


class NewerDatabaseError(Exception):
    """The database was migrated by a later version than this one."""


def fault(database: Database) -> str | None:
    """Why this version cannot work with the database, None when it can."""
    try:
        found = _revision(database)
    except SQLAlchemyError as error:
        return f"the database does not answer: {error}"
    head = ScriptDirectory.from_config(config(database)).get_current_head()
    if found == head:
        return None
    if found is None:
        return "the database has no tables yet: run `python -m service.migrate`"
    if found in _known(database):
        return f"the database is at {found}, this version needs {head}: {_UPGRADE}"
    return _newer(found)


def _revision(database: Database) -> str | None:
    """What the database is at, None without tables."""
    with database.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def _known(database: Database) -> set[str]:
    scripts = ScriptDirectory.from_config(config(database))
    return {script.revision for script in scripts.walk_revisions()}


def _newer(found: str) -> str:
    return f"the database is at {found}, which is newer than this version: install that version"


_UPGRADE = "stop the service and run `python -m service.migrate`"


def main() -> int:
    """Upgrade the database of SWEEP_DATABASE_URL. Says in one line why it cannot, exit code 1."""
    settings = Settings()
    # A migration of much data takes its time, and another one at once waits for it.
    patient = replace(settings.limits(), statement_seconds=0, idle_seconds=0, lock_seconds=20)
    database = Database(settings.database_url, patient)
    try:
        upgrade(database)
        found = fault(database)
    except NewerDatabaseError as error:
        found = str(error)
    except trouble.PASSING as error:
        found = f"the migration was not made: {trouble.explain(error)} ({error.__cause__})"
    finally:
        database.close()
    if found is not None:
        print(f"sweeps: {found}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
