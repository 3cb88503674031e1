"""The engine, the session, and the only commit. What is SQLite's or PostgreSQL's own is here."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.orm import Session

APPLICATION = "sweepctl"
# SQLite has no word for "no limit".
_FOR_EVER = 86400.0
# A peer that vanished without a word is noticed after half a minute, not after hours.
_KEEPALIVE = {"keepalives_idle": 15, "keepalives_interval": 5, "keepalives_count": 3}


@dataclass(frozen=True)
class Limits:
    """How many connections one process opens, and how long it waits for anything, in seconds.

    At most `pool_size + pool_overflow` connections; a request waits `pool_seconds` for one of
    them, and one that is `recycle_seconds` old is opened anew. It waits `lock_seconds` for a lock
    that another transaction holds, on SQLite that of the whole file. The rest is PostgreSQL's
    alone: `connect_seconds` to open a connection, `statement_seconds` for one statement,
    `idle_seconds` for a transaction in which nothing happens. 0 means no limit for those and for
    `lock_seconds`.

    A request that waits for a connection and then for a lock is answered before its client, which
    has 10 s, gives up.
    """

    pool_size: int = 10
    pool_overflow: int = 20
    pool_seconds: float = 5.0
    recycle_seconds: int = 1800
    connect_seconds: int = 5
    statement_seconds: float = 30.0
    lock_seconds: float = 4.0
    idle_seconds: float = 60.0


class Database:
    """One database. `read` and `write` give sessions; leaving `write` in good order commits.

    `writers` is how many writing transactions may run at once in this process: one on SQLite.
    """

    def __init__(self, url: str, limits: Limits | None = None) -> None:
        place, limits = make_url(url), limits or Limits()
        self.lite = place.get_backend_name() == "sqlite"
        self.writers = 1 if self.lite else limits.pool_size
        self.engine = _engine(place, limits, self.lite)
        self._writing = self.engine.execution_options(sweeps_write=True)
        # READ COMMITTED would show each statement of a reader another state. On SQLite a
        # transaction is a snapshot anyway.
        self._reading = (
            self.engine
            if self.lite
            else self.engine.execution_options(isolation_level="REPEATABLE READ")
        )

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session on one snapshot, that of its first statement; nothing it changes is kept."""
        with Session(self._reading, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session that commits at the end, or rolls back when the block raises.

        On PostgreSQL each statement sees what was committed before it: lock what you decide on.
        """
        with Session(self._writing, expire_on_commit=False) as session:
            yield session
            session.commit()

    def moment(self) -> datetime | None:
        """The time of day at the database; None on SQLite, which has this machine's."""
        if self.lite:
            return None
        with self.engine.connect() as connection:
            found: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
        return found

    def ping(self) -> None:
        """Raises sqlalchemy's errors when the database does not answer."""
        with self.engine.connect() as connection:
            connection.execute(text("SELECT 1"))

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def _engine(url: URL, limits: Limits, lite: bool) -> Engine:
    engine = create_engine(
        url,
        pool_size=limits.pool_size,
        max_overflow=limits.pool_overflow,
        pool_timeout=limits.pool_seconds,
        pool_recycle=limits.recycle_seconds,
        # A connection that a restart of the server cut is found before a request is given it.
        pool_pre_ping=not lite,
        connect_args=_sqlite(limits) if lite else _postgresql(url, limits),
    )
    if lite:
        event.listen(engine, "connect", _on_connect)
        event.listen(engine, "begin", _on_begin)
    return engine


def _sqlite(limits: Limits) -> dict[str, Any]:
    """Arguments of sqlite3. A writer that waits for longer gets "database is locked"."""
    return {"timeout": limits.lock_seconds or _FOR_EVER}


def _postgresql(url: URL, limits: Limits) -> dict[str, Any]:
    """Arguments of libpq. What the URL says itself stands."""
    timeouts = {
        "statement_timeout": limits.statement_seconds,
        "lock_timeout": limits.lock_seconds,
        "idle_in_transaction_session_timeout": limits.idle_seconds,
    }
    ours = " ".join(f"-c {name}={_milliseconds(given)}" for name, given in timeouts.items())
    theirs = url.query.get("options", "")
    given: dict[str, Any] = {
        "application_name": APPLICATION,
        "connect_timeout": limits.connect_seconds,
        **_KEEPALIVE,
    }
    kept = {name: value for name, value in given.items() if name not in url.query}
    # Of two settings of one name the later one counts.
    return {**kept, "options": f"{ours} {theirs}".strip()}


def _milliseconds(seconds: float) -> int:
    """PostgreSQL's unit; a wait that is shorter than it is not none."""
    return max(1, round(seconds * 1000)) if seconds else 0


def _on_connect(connection: sqlite3.Connection, _record: Any) -> None:
    """The driver shall not begin transactions by itself: `_on_begin` does."""
    connection.isolation_level = None
    for pragma in ("journal_mode = WAL", "foreign_keys = ON", "synchronous = FULL"):
        connection.execute(f"PRAGMA {pragma}")


def _on_begin(connection: Connection) -> None:
    """Writers take the write lock at once: a read that turns into a write fails when it waits."""
    write = connection.get_execution_options().get("sweeps_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
