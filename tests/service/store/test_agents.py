"""Agents as they last called."""

from __future__ import annotations

from datetime import timedelta

from service_support import make_offer
from sqlalchemy.orm import Session

from service.clock import now
from service.store import agents


def test_the_latest_call_stands(session: Session) -> None:
    start = now()
    agents.saw(session, make_offer("b", slots=1), start)
    agents.saw(session, make_offer("a", "other", slots=2), start)
    assert [(row.pool, row.slots) for row in agents.every(session)] == [
        ("default", 1),
        ("other", 2),
    ]
    later = start + timedelta(seconds=5)
    agents.saw(session, make_offer("b", slots=3, recipes=["toy", "sft"], version="2"), later)
    row, other = agents.every(session)
    assert (row.name, row.slots, row.version, row.seen_at) == ("b", 3, "2", later)
    assert other.seen_at == start
    shown = agents.view(row, start)
    assert (shown.recipes, shown.alive) == (["toy", "sft"], True)
    assert not agents.view(other, start).alive


def test_a_driver_that_renews_is_a_sign_of_its_agent(session: Session) -> None:
    start, later = now(), now() + timedelta(seconds=5)
    agents.saw(session, make_offer("a"), start)
    agents.saw(session, make_offer("b"), start)
    agents.heard(session, "default", "a", later)
    agents.heard(session, "default", "nobody", later)
    assert [row.seen_at for row in agents.every(session)] == [later, start]


def test_one_that_ended_in_good_order_is_forgotten(session: Session) -> None:
    for pool in ("default", "other"):
        agents.saw(session, make_offer("a", pool), now())
    agents.forget(session, "default", "a")
    agents.forget(session, "default", "nobody")
    assert [row.pool for row in agents.every(session)] == ["other"]
