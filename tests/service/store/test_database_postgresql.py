"""What PostgreSQL adds: limits of its own, and a server that may go away and come back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

import httpx
import pytest
from service_support import USER, hosted, make_spec
from sqlalchemy import URL, make_url, text
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.orm import Session

from service.clock import now
from service.operations.submit import submit
from service.settings import Settings
from service.store import sweeps
from service.store.database import Database, Limits
from service.store.trouble import PASSING, explain

if TYPE_CHECKING:
    from postgres import Postgres

pytestmark = pytest.mark.parametrize("backend", ["postgresql"])
BRIEF = Limits(statement_seconds=0.3, lock_seconds=0.2, idle_seconds=0.3)


@pytest.fixture
def brief(settings: Settings) -> Iterator[Database]:
    """A database whose patience is short."""
    found = Database(settings.database_url, BRIEF)
    yield found
    found.close()


def pid(session: Session) -> int:
    return int(session.execute(text("SELECT pg_backend_pid()")).scalar_one())


def shown(session: Session, name: str) -> str:
    return str(session.execute(text(f"SHOW {name}")).scalar_one())


def test_the_session_is_as_the_settings_say(settings: Settings) -> None:
    chosen = settings.model_copy(
        update={
            "database_statement_seconds": 7.5,
            "database_lock_seconds": 0.0001,
            "database_idle_seconds": 0,
        }
    )
    database = Database(chosen.database_url, chosen.limits())
    names = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
    with database.read() as reader, database.write() as writer:
        # The smallest wait that there is, not none.
        assert [shown(reader, name) for name in names] == ["7500ms", "1ms", "0"]
        assert shown(reader, "application_name") == "sweepctl"
        assert shown(reader, "transaction_isolation") == "repeatable read"
        assert shown(writer, "transaction_isolation") == "read committed"
    # A connection that a reader had is a writer's again.
    with database.write() as writer:
        assert shown(writer, "transaction_isolation") == "read committed"
    assert (database.lite, database.writers) == (False, 10)
    database.close()


def test_what_the_url_says_stands(settings: Settings) -> None:
    url: URL = make_url(settings.database_url).update_query_dict(
        {"application_name": "mine", "options": "-c lock_timeout=77 -c work_mem=8MB"}
    )
    database = Database(url.render_as_string(hide_password=False))
    with database.read() as session:
        assert shown(session, "application_name") == "mine"
        assert (shown(session, "lock_timeout"), shown(session, "work_mem")) == ("77ms", "8MB")
        assert shown(session, "statement_timeout") == "30s"
    database.close()


def test_a_statement_that_takes_too_long_is_cancelled(brief: Database) -> None:
    with brief.write() as session:
        mine = pid(session)
    with pytest.raises(OperationalError) as caught, brief.write() as session:
        session.execute(text("SELECT pg_sleep(30)"))
    assert "SWEEP_DATABASE_STATEMENT_SECONDS" in explain(caught.value)
    # The same connection is usable.
    with brief.write() as session:
        assert pid(session) == mine
        submit(session, make_spec(), None, now())


def test_a_lock_that_another_holds_is_waited_for_in_vain(
    brief: Database, database: Database
) -> None:
    with database.write() as session:
        sweep = submit(session, make_spec(), None, now())[0].id
    with database.write() as holder:
        sweeps.find(holder, sweep, lock=True)
        with pytest.raises(OperationalError) as caught, brief.write() as session:
            sweeps.find(session, sweep, lock=True)
        assert "another transaction holds" in explain(caught.value)
        with brief.read() as reader:
            assert sweeps.find(reader, sweep).id == sweep
    with brief.write() as session:
        assert sweeps.find(session, sweep, lock=True).id == sweep


def _idle(database: Database) -> None:
    with database.write() as session:
        submit(session, make_spec(), None, now())
        session.flush()
        threading.Event().wait(0.6)


def test_a_transaction_in_which_nothing_happens_is_ended(brief: Database) -> None:
    with pytest.raises(SQLAlchemyError) as caught:
        _idle(brief)
    assert isinstance(caught.value, PASSING)
    assert "idle for too long" in explain(caught.value)
    brief.ping()


def test_two_that_wait_for_each_other_are_parted(database: Database) -> None:
    with database.write() as session:
        made = [submit(session, make_spec(), None, now())[0].id for _ in range(2)]
    barrier, said = threading.Barrier(2), []

    def cross(first: str, second: str) -> None:
        with database.write() as session:
            sweeps.find(session, first, lock=True)
            barrier.wait(20)
            sweeps.find(session, second, lock=True)

    def work(*ids: str) -> None:
        try:
            cross(*ids)
        except OperationalError as error:
            said.append(explain(error))

    threads = [threading.Thread(target=work, args=ids) for ids in (made, made[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert said == ["another transaction holds what this request needs; try again"]


def test_a_server_that_was_restarted_is_found_again(postgres: Postgres, settings: Settings) -> None:
    headers = {"Authorization": f"Bearer {USER}"}
    with (
        hosted(settings) as host,
        httpx.Client(base_url=host.url, headers=headers, timeout=30) as web,
    ):
        made = web.post("/api/v1/sweeps", json=make_spec()).json()["id"]
        postgres.stop()
        try:
            away = web.get(f"/api/v1/sweeps/{made}")
            assert (away.status_code, away.headers["retry-after"]) == (503, "1")
            assert away.json()["detail"] == "the database does not answer; try again"
            assert web.get("/readyz").status_code == 503
            assert web.get("/healthz").status_code == 200
        finally:
            postgres.start()
        # The very first request after it is served: connections are looked at before use.
        assert web.get(f"/api/v1/sweeps/{made}").status_code == 200
        assert web.post("/api/v1/sweeps", json=make_spec()).status_code == 201


def test_a_restart_between_two_requests_is_not_noticed(
    postgres: Postgres, database: Database
) -> None:
    with database.write() as session:
        submit(session, make_spec(), None, now())
        before = pid(session)
    postgres.stop()
    postgres.start()
    with database.write() as session:
        assert pid(session) != before
        submit(session, make_spec(), None, now())


@pytest.mark.parametrize("wrong", ["/api/v1/sweeps/%00", "/api/v1/trials/%00/why"])
def test_what_postgresql_cannot_hold_is_the_callers_fault(settings: Settings, wrong: str) -> None:
    headers = {"Authorization": f"Bearer {USER}"}
    with hosted(settings) as host:
        answer = httpx.get(f"{host.url}{wrong}", headers=headers, timeout=30)
    assert answer.status_code == 400, answer.text
    assert "NUL" in answer.json()["detail"]
