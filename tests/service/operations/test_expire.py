"""Leases that ran out."""

from __future__ import annotations

from datetime import datetime, timedelta

from service_support import make_offer, make_spec
from sqlalchemy.orm import Session

from service.clock import Terms, now
from service.operations import command, expire
from service.operations.claim import claim
from service.operations.submit import submit
from service.store import sweeps
from service.store.database import Database
from sweeps.lifecycle import SweepState


def _queued(session: Session, start: datetime, number: int) -> str:
    """A sweep, `number` microseconds younger than the first."""
    sweep, _ = submit(session, make_spec(), None, start + timedelta(microseconds=number))
    return sweep.id


def test_only_what_is_stopping_without_a_lease_is_closed(database: Database) -> None:
    start = now()
    with database.write() as session:
        ids = [_queued(session, start, number) for number in range(3)]
        for _ in range(2):
            assert claim(session, make_offer(), Terms(start, 30, 5))
        command.cancel(session, ids[0], start)
        assert not expire.due(session, start)
        assert expire.close_abandoned(session, start) == 0
    later = start + timedelta(seconds=31)
    with database.write() as session:
        assert expire.due(session, later)
        assert expire.close_abandoned(session, later) == 1
        assert not expire.due(session, later)
        states = [sweeps.find(session, sweep).state for sweep in ids]
    assert states == [SweepState.CANCELLED, SweepState.RUNNING, SweepState.QUEUED]


def test_a_claim_closes_what_it_finds(database: Database) -> None:
    start = now()
    later = start + timedelta(seconds=31)
    with database.write() as session:
        first, second = (_queued(session, start, number) for number in range(2))
        assert claim(session, make_offer(), Terms(start, 30, 5))
        command.cancel(session, first, start)
        lease = claim(session, make_offer(), Terms(later, 30, 5))
        assert lease is not None
        assert lease.sweep == second
        assert sweeps.find(session, first).state == SweepState.CANCELLED


def test_a_cancel_repeated_after_the_driver_is_gone_closes(database: Database) -> None:
    start = now()
    later = start + timedelta(seconds=31)
    with database.write() as session:
        sweep = submit(session, make_spec(), None, start)[0].id
        assert claim(session, make_offer(), Terms(start, 30, 5))
        assert command.cancel(session, sweep, start).state is SweepState.STOPPING
        again = command.cancel(session, sweep, later)
    assert (again.state, again.applied) == (SweepState.CANCELLED, True)
