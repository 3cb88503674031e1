"""Claims that meet other transactions half-way; each waits where PostgreSQL lets it run on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from service_support import make_offer, make_spec
from sqlalchemy.orm import Session

from service.clock import Terms, now
from service.operations import command
from service.operations import renew as renewing
from service.operations.claim import claim
from service.operations.renew import renew
from service.operations.submit import submit
from service.schemas import RenewRequest
from service.settings import Settings
from service.store import agents, sweeps
from service.store.database import Database, Limits
from service.store.tables import AgentRow
from sweeps.lifecycle import SweepState


@pytest.fixture
def patient(settings: Settings) -> Iterator[Database]:
    """No lock is given up: what ends here, ends by itself, or as a deadlock."""
    found = Database(settings.database_url, Limits(lock_seconds=0))
    yield found
    found.close()


def test_two_first_calls_of_one_agent(database: Database) -> None:
    """Both find no row of the agent; neither may fail."""
    barrier = threading.Barrier(8)

    def call(number: int) -> None:
        barrier.wait(20)
        with database.write() as session:
            claim(session, make_offer(slots=number + 1), Terms(now(), 30, 5))

    for _ in range(5):
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(call, range(8)))
        with database.write() as session:
            (row,) = agents.every(session)
            assert row.slots in range(1, 9)
            session.delete(session.get_one(AgentRow, ("default", "box")))


@pytest.mark.parametrize("backend", ["postgresql"])
def test_a_late_renewal_and_a_claim_do_not_wait_for_each_other(
    patient: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The driver of a cancelled sweep renews late while its agent's claim closes that sweep."""
    start = now()
    with patient.write() as session:
        sweep = submit(session, make_spec(), None, start)[0].id
        lease = claim(session, make_offer(), Terms(start, 30, 5))
        assert lease is not None
        command.cancel(session, sweep, start)
    late = Terms(start + timedelta(seconds=60), 30, 5)
    locked, asked = threading.Event(), threading.Event()
    heard = agents.heard

    def slow(session: Session, *given: object) -> None:
        # The sweep is locked. Now the claim comes, as far as it gets.
        locked.set()
        asked.wait(1.0)
        heard(session, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(renewing.agents, "heard", slow)

    def renews() -> None:
        with patient.write() as session:
            renew(session, sweep, RenewRequest(token=lease.token), late)

    def claims() -> None:
        assert locked.wait(20)
        with patient.write() as session:
            claim(session, make_offer(), late)
        asked.set()

    with ThreadPoolExecutor(2) as pool:
        for future in [pool.submit(renews), pool.submit(claims)]:
            future.result(30)
    with patient.read() as session:
        # The renewal came first, and the claim saw that the driver lives.
        assert sweeps.find(session, sweep).state == SweepState.STOPPING


def test_an_agents_slots_hold_when_it_asks_twice_at_once(database: Database) -> None:
    with database.write() as session:
        for _ in range(6):
            submit(session, make_spec(), None, now())
    barrier = threading.Barrier(6)

    def call(_: int) -> bool:
        barrier.wait(20)
        with database.write() as session:
            return claim(session, make_offer(slots=2), Terms(now(), 30, 5)) is not None

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(call, range(6))) == 2
