"""Sessions, the write lock, and SQLite's settings."""

from __future__ import annotations

import threading
from contextlib import ExitStack

import pytest
from service_support import make_spec
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from service.clock import now
from service.operations import command as commands
from service.operations.submit import submit
from service.settings import Settings
from service.store import events, sweeps
from service.store.database import Database, Limits
from service.store.tables import EventRow, SweepRow
from service.store.trouble import explain


def count(database: Database) -> int:
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(SweepRow)) or 0


def _submit_and_fail(session: Session) -> None:
    submit(session, make_spec(), None, now())
    raise ZeroDivisionError


def test_write_commits_or_rolls_back(database: Database) -> None:
    with database.write() as session:
        submit(session, make_spec(), None, now())
    with pytest.raises(ZeroDivisionError), database.write() as session:
        _submit_and_fail(session)
    with database.read() as session:
        submit(session, make_spec(), None, now())
    assert count(database) == 1


@pytest.mark.parametrize("backend", ["sqlite"])
def test_sqlite_is_set_up(database: Database) -> None:
    with database.read() as session:
        found = {
            name: session.execute(text(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "foreign_keys", "synchronous", "busy_timeout")
        }
    assert found == {
        "journal_mode": "wal",
        "foreign_keys": 1,
        "synchronous": 2,
        "busy_timeout": 4000,
    }
    with pytest.raises(IntegrityError), database.write() as session:
        session.add(EventRow(sweep_id="no", number=1, type="x", at=now(), data="{}", last=False))


def test_readers_and_writers_do_not_break_each_other(database: Database) -> None:
    """A writer takes the lock at its first look, so its look is not stale when it writes."""
    with database.write() as session:
        sweep = submit(session, make_spec(), None, now())[0].id

    def add(_: int) -> None:
        for _ in range(10):
            with database.write() as session:
                row = sweeps.find(session, sweep, lock=True)
                row.journal_seq += 1

    threads = [threading.Thread(target=add, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    seen = []
    while any(thread.is_alive() for thread in threads):
        with database.read() as session:
            seen.append(sweeps.find(session, sweep).journal_seq)
    for thread in threads:
        thread.join()
    assert seen == sorted(seen)
    with database.read() as session:
        assert sweeps.find(session, sweep).journal_seq == 60


def test_a_reader_sees_one_state(database: Database) -> None:
    """What is committed between its statements does not show, or a stream would miss its end."""
    with database.write() as session:
        sweep = submit(session, make_spec(), None, now())[0].id
    with database.read() as reader:
        before = events.after(reader, sweep, 1, 10)
        with database.write() as session:
            commands.cancel(session, sweep, now())
        assert before == events.after(reader, sweep, 1, 10) == ([], False)
        assert sweeps.find(reader, sweep).state == "QUEUED"
    with database.read() as reader:
        found, ended = events.after(reader, sweep, 1, 10)
    assert (found[-1].data["state"], ended) == ("CANCELLED", True)


def test_a_pool_that_is_used_up_says_so(settings: Settings) -> None:
    small = Limits(pool_size=2, pool_overflow=1, pool_seconds=0.2)
    database = Database(settings.database_url, small)
    with ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(database.read()).connection()
        with pytest.raises(PoolTimeout) as caught, database.read() as session:
            session.connection()
        assert "SWEEP_DATABASE_POOL_SIZE" in explain(caught.value)
    # Given back, they serve again.
    database.ping()
    database.close()
