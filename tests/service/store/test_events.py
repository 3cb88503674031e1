"""Events are numbered within their sweep, and the last one is marked."""

from __future__ import annotations

import pytest
from service_support import make_spec
from sqlalchemy.orm import Session

from service.clock import now
from service.operations.submit import submit
from service.store import events
from sweeps.lifecycle import SWEEP_ENDS, SweepState


def test_numbers_pages_and_the_end(session: Session) -> None:
    sweep, _ = submit(session, make_spec(), None, now())
    for number in range(3):
        events.add(session, sweep, "verdict", {"n": number}, now(), "trl_" + "0" * 32)
    first, ended = events.after(session, sweep.id, 0, 2)
    assert ([event.id for event in first], ended) == ([1, 2], False)
    rest, ended = events.after(session, sweep.id, 2, 50)
    assert ([event.data for event in rest], ended) == ([{"n": 1}, {"n": 2}], False)
    assert events.after(session, sweep.id, 4, 50) == ([], False)


@pytest.mark.parametrize("state", list(SweepState))
def test_only_an_end_is_last(session: Session, state: SweepState) -> None:
    sweep, _ = submit(session, make_spec(), None, now())
    events.add(session, sweep, "sweep", {"state": state}, now())
    found, ended = events.after(session, sweep.id, 1, 50)
    assert found[0].last == ended == (state in SWEEP_ENDS)


def test_an_end_that_is_taken_back_is_not_the_last(session: Session) -> None:
    one, two = (submit(session, make_spec(), None, now())[0] for _ in range(2))
    for sweep in (one, two):
        events.add(session, sweep, "sweep", {"state": SweepState.DONE}, now())
    events.reopen(session, one)
    events.add(session, one, "sweep", {"state": SweepState.QUEUED}, now())
    found, ended = events.after(session, one.id, 0, 50)
    assert ([event.last for event in found], ended) == ([False, False, False], False)
    # A page that ends with the old end does not end the stream.
    assert not events.after(session, one.id, 0, 2)[1]
    assert events.after(session, two.id, 0, 50)[1]


def test_a_sweep_that_is_not_there_has_ended(session: Session) -> None:
    assert events.after(session, "swp_none", 0, 50) == ([], True)


def test_data_must_be_json(session: Session) -> None:
    sweep, _ = submit(session, make_spec(), None, now())
    with pytest.raises(ValueError, match="JSON"):
        events.add(session, sweep, "verdict", {"n": float("nan")}, now())
