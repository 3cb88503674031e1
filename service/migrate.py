"""`python -m service.migrate`: bring the database to the tables of this version."""

from __future__ import annotations

import sys
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import SQLAlchemyError

from service.settings import Settings
from service.store.database import Database

FOLDER = Path(__file__).resolve().parent.parent / "migrations"


def config(database: Database) -> Config:
    """Alembic's configuration for one database."""
    found = Config()
    found.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    found.attributes["engine"] = database.engine
    return found


def upgrade(database: Database, to: str = "head") -> None:
    """Run the migrations that are missing."""
    command.upgrade(config(database), to)


def fault(database: Database) -> str | None:
    """Why this version cannot work with the database, None when it can."""
    scripts = ScriptDirectory.from_config(config(database))
    try:
        with database.engine.connect() as connection:
            found = MigrationContext.configure(connection).get_current_revision()
    except SQLAlchemyError as error:
        return f"the database does not answer: {error}"
    head = scripts.get_current_head()
    if found == head:
        return None
    if found is None:
        return "the database has no tables yet: run `python -m service.migrate`"
    if found in {script.revision for script in scripts.walk_revisions()}:
        return f"the database is at {found}, this version needs {head}: {_UPGRADE}"
    return f"the database is at {found}, which is newer than this version: install that version"


_UPGRADE = "stop the service and run `python -m service.migrate`"


def main() -> int:
    """Upgrade the database of SWEEP_DATABASE_URL."""
    database = Database(Settings().database_url)
    try:
        upgrade(database)
        found = fault(database)
    finally:
        database.close()
    if found is not None:
        print(f"sweeps: {found}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
