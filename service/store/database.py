"""The engine, the session, and the only commit. All that is SQLite's own is in this file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.orm import Session

# A writer that waits longer than this for another process gets "database is locked".
BUSY_SECONDS = 20


class Database:
    """One database. `read` and `write` give sessions; leaving `write` in good order commits.

    `writers` is how many writing transactions may run at once in this process: one on SQLite.
    """

    def __init__(self, url: str) -> None:
        self.lite = make_url(url).get_backend_name() == "sqlite"
        self.writers = 1 if self.lite else 10
        self.engine = _engine(url, self.lite)
        self._writing = self.engine.execution_options(sweeps_write=True)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session on one snapshot; nothing it changes is kept."""
        with Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session that commits at the end, or rolls back when the block raises."""
        with Session(self._writing, expire_on_commit=False) as session:
            yield session
            session.commit()

    def ping(self) -> None:
        """Raises sqlalchemy's errors when the database does not answer."""
        with self.engine.connect() as connection:
            connection.execute(text("SELECT 1"))

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def _engine(url: str, lite: bool) -> Engine:
    if not lite:
        return create_engine(url, pool_size=20, max_overflow=30, pool_pre_ping=True)
    engine = create_engine(
        url, pool_size=20, max_overflow=30, connect_args={"timeout": BUSY_SECONDS}
    )
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)
    return engine


def _on_connect(connection: sqlite3.Connection, _record: Any) -> None:
    """The driver shall not begin transactions by itself: `_on_begin` does."""
    connection.isolation_level = None
    for pragma in ("journal_mode = WAL", "foreign_keys = ON", "synchronous = FULL"):
        connection.execute(f"PRAGMA {pragma}")


def _on_begin(connection: Connection) -> None:
    """Writers take the write lock at once: a read that turns into a write fails when it waits."""
    write = connection.get_execution_options().get("sweeps_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
