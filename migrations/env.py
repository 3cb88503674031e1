"""Alembic's environment: the engine comes from `service.migrate`, or SWEEP_DATABASE_URL."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from sqlalchemy import Connection, text

from service.settings import Settings
from service.store.columns import Moment, Words
from service.store.database import Database
from service.store.tables import Base


def plain(kind: str, item: Any, _: Any) -> str | Literal[False]:
    """Our column types as what they are stored as: a migration outlives the code beside it."""
    if kind == "type" and isinstance(item, Moment):
        return "sa.DateTime()"
    return "sa.Text()" if kind == "type" and isinstance(item, Words) else False


# Any number will do, as long as it stays: whoever migrates holds this lock of PostgreSQL's.
LOCK = 0x5357454550


def alone(connection: Connection) -> None:
    """Two that migrate at once do it one after the other. On SQLite the write lock does that."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})


def run() -> None:
    """Run migrations in one transaction. SQLite cannot alter constraints: tables are rebuilt."""
    engine = context.config.attributes.get("engine") or Database(Settings().database_url).engine
    with engine.execution_options(sweeps_write=True).connect() as connection:
        alone(connection)
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            render_as_batch=True,
            render_item=plain,
            compare_type=True,
            compare_server_default=True,
        )
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()


run()
