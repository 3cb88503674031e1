"""Pages, filters and counts of sweeps."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from service_support import make_spec
from sqlalchemy.orm import Session

from service.clock import now
from service.errors import BadRequest, NotFound
from service.operations import command
from service.operations.submit import submit
from service.queries import SweepQuery
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


@pytest.mark.parametrize("sort", ["created_at", "-created_at", "name", "-name", "-priority"])
@pytest.mark.parametrize("limit", [1, 3, 200])
def test_pages_are_stable_under_inserts(session: Session, sort: str, limit: int) -> None:
    """Between two pages sweeps come in at the front, at the end, and right where the cursor is."""
    made, seen, cursor = make(session, 7), list[str](), None
    for number in range(200):
        asked = SweepQuery.model_validate({"limit": limit, "cursor": cursor, "sort": sort})
        rows, cursor = sweeps.page(session, asked)
        seen += [row.id for row in rows]
        if cursor is None:
            break
        for days in (-1, 1):
            submit(session, make_spec(f"toy{number}"), None, START + timedelta(days=days))
        if number < 5:
            submit(session, make_spec(), None, rows[-1].created_at)
    assert len(set(seen)) == len(seen)
    assert set(made) <= set(seen)
    # Nothing comes behind what was shown: the pages together are in order.
    column = sort.removeprefix("-")
    keys = [(getattr(row, column), row.id) for row in (sweeps.find(session, one) for one in seen)]
    assert keys == sorted(keys, reverse=sort.startswith("-"))


def test_a_sweep_that_changes_while_it_is_paged_is_still_listed(session: Session) -> None:
    made = make(session, 5)
    rows, cursor = sweeps.page(session, SweepQuery(sort="updated_at", limit=2))
    command.pause(session, made[3], START + timedelta(days=1))
    rest, _ = sweeps.page(session, SweepQuery(sort="updated_at", cursor=cursor))
    assert {row.id for row in [*rows, *rest]} == set(made)
    assert rest[-1].id == made[3]


def ids(session: Session, **asked: Any) -> list[str]:
    found, _ = sweeps.page(session, SweepQuery.model_validate(asked))
    return [row.id for row in found]


def test_filters(session: Session) -> None:
    (one, two), (three, *_) = make(session, 2), make(session, 1, "other")
    command.pause(session, two, START)
    assert ids(session, state=[SweepState.PAUSED]) == [two]
    assert set(ids(session, state=[SweepState.PAUSED, SweepState.QUEUED])) == {one, two, three}
    assert ids(session, project="other") == [three]
    assert ids(session, state=[SweepState.QUEUED], project="default") == [one]
    other, _ = submit(session, make_spec("named", pool="b"), None, START)
    assert ids(session, pool="b") == ids(session, name="named") == [other.id]
    assert ids(session, name="name") == []


def test_labels_all_hold(session: Session) -> None:
    found = []
    for labels in ({"team": "nlp", "run": "a=b"}, {"team": "nlp"}, {"team": "cv", "run": ""}):
        spec = make_spec()
        spec["metadata"]["labels"] = labels
        found.append(submit(session, spec, None, START)[0].id)
    assert set(ids(session, label=["team=nlp"])) == set(found[:2])
    assert ids(session, label=["team=nlp", "run=a=b"]) == found[:1]
    assert ids(session, label=["run="]) == found[2:]
    assert ids(session, label=["team=nlp", "team=cv"]) == []


def test_a_cursor_belongs_to_its_query(session: Session) -> None:
    make(session, 3)
    _, cursor = sweeps.page(session, SweepQuery(limit=1))
    assert cursor is not None
    sweeps.page(session, SweepQuery(limit=2, cursor=cursor))
    for other in (
        {"sort": "name"},
        {"sort": "created_at"},
        {"project": "default"},
        {"state": ["QUEUED"]},
        {"label": ["a=b"]},
    ):
        asked = SweepQuery.model_validate({**other, "cursor": cursor})
        with pytest.raises(BadRequest, match="made for another list, filter or sort"):
            sweeps.page(session, asked)


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
