"""Complaints of databases as sentences. The real ones are in test_database_postgresql.py."""

from __future__ import annotations

import sqlite3

import psycopg
import pytest
from service_support import make_spec
from sqlalchemy import text
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError
from sqlalchemy.orm import Session

from service.clock import now
from service.operations.submit import submit
from service.settings import Settings
from service.store.database import Database
from service.store.trouble import explain


@pytest.mark.parametrize(
    ("cause", "said"),
    [
        (psycopg.errors.QueryCanceled(), "SWEEP_DATABASE_STATEMENT_SECONDS"),
        (psycopg.errors.LockNotAvailable(), "another transaction"),
        (psycopg.errors.SerializationFailure(), "another transaction"),
        (psycopg.errors.DeadlockDetected(), "another transaction"),
        (psycopg.errors.TooManyConnections(), "max_connections"),
        (psycopg.errors.DiskFull(), "disk is full"),
        (psycopg.errors.ReadOnlySqlTransaction(), "read-only"),
        (psycopg.errors.AdminShutdown(), "does not answer"),
        (psycopg.OperationalError("connection refused"), "does not answer"),
        (sqlite3.OperationalError("unable to open database file"), "does not answer"),
    ],
)
@pytest.mark.parametrize("kind", [OperationalError, InternalError, InterfaceError])
def test_sentences(
    cause: Exception, said: str, kind: type[OperationalError | InternalError | InterfaceError]
) -> None:
    sentence = explain(kind("SELECT secret", {"a": "hunter2"}, cause))
    assert said in sentence
    assert "secret" not in sentence
    assert "hunter2" not in sentence


def _write_in_vain(session: Session) -> None:
    session.execute(text("PRAGMA busy_timeout = 50"))
    submit(session, make_spec(), None, now())


@pytest.mark.parametrize("backend", ["sqlite"])
def test_a_file_that_another_writes_to(database: Database, settings: Settings) -> None:
    other = Database(settings.database_url)
    with database.write() as holder:
        submit(holder, make_spec(), None, now())
        with pytest.raises(OperationalError) as caught, other.read() as session:
            _write_in_vain(session)
    other.close()
    assert "another transaction holds" in explain(caught.value)
