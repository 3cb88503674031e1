"""Pages, filters and counts of sweeps."""

from __future__ import annotations

from datetime import timedelta

import pytest
from service_support import make_spec
from sqlalchemy.orm import Session

from service.clock import now
from service.errors import NotFound
from service.operations import command
from service.operations.submit import submit
from service.store import sweeps
from sweeps.lifecycle import SweepState
from sweeps.spec import parse

START = now()


def make(session: Session, count: int, project: str = "default") -> list[str]:
    ids = []
    for number in range(count):
        spec = make_spec()
        spec["metadata"]["project"] = project
        # Two by two at the same moment: the id breaks the tie.
        moment = START + timedelta(seconds=number // 2)
        ids.append(submit(session, spec, None, moment)[0].id)
    return ids


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 200])
def test_pages_are_stable_under_inserts(session: Session, limit: int) -> None:
    made = make(session, 7)
    seen: list[str] = []
    cursor = None
    while True:
        rows, cursor = sweeps.page(session, limit, cursor, None, None)
        seen += [row.id for row in rows]
        if cursor is None:
            break
        submit(session, make_spec(), None, START + timedelta(days=1))
    assert sorted(seen) == sorted(made)
    assert len(set(seen)) == 7


def test_filters(session: Session) -> None:
    (one, two), (three, *_) = make(session, 2), make(session, 1, "other")
    command.pause(session, two, START)
    found, _ = sweeps.page(session, 10, None, SweepState.PAUSED, None)
    assert [row.id for row in found] == [two]
    found, _ = sweeps.page(session, 10, None, None, "other")
    assert [row.id for row in found] == [three]
    found, _ = sweeps.page(session, 10, None, SweepState.QUEUED, "default")
    assert [row.id for row in found] == [one]


def test_find_and_spec(session: Session) -> None:
    (sweep,) = make(session, 1)
    row = sweeps.find(session, sweep, lock=True)
    assert sweeps.spec_of(row) == parse(make_spec())
    with pytest.raises(NotFound, match="there is no sweep 'swp_x'"):
        sweeps.find(session, "swp_x")


def test_counts(session: Session) -> None:
    one, two = make(session, 2)
    command.cancel(session, two, START)
    assert sweeps.trial_counts(session, [one, two]) == {one: {}, two: {}}
    assert set(sweeps.by_state(session)) == {
        ("default", SweepState.QUEUED, 1),
        ("default", SweepState.CANCELLED, 1),
    }
    assert sweeps.trials_by_state(session) == {}
