"""Any order pages right, whatever comes and goes between two pages."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from service_support import asked, make_offer, make_spec
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from service.clock import Terms, now
from service.operations.claim import claim
from service.operations.project import Projection
from service.operations.submit import submit
from service.store import paging
from service.store.database import Database
from service.store.paging import Order, Page
from service.store.tables import TrialRow
from sweeps.journal import Entry

KEYS = st.none() | st.sampled_from([-1.0, 0.0, 0.1, 0.30000000000000004, 1e300])


def sweep_of(session: Session, values: list[float | None]) -> str:
    """A sweep whose trials 0, 1, ... have these values."""
    row, _ = submit(session, make_spec(), None, now())
    claim(session, make_offer(slots=10_000), Terms(now(), 60, 5))
    add(session, row.id, values, 0)
    return row.id


def add(session: Session, sweep_id: str, values: list[float | None], first: int) -> None:
    """Trials `first`, `first` + 1, ..."""
    for number, value in enumerate(values, first):
        moment = now()
        fields: dict[str, Any] = {"role": "search", "params": "{}", "seed": 0, "state": "PENDING"}
        session.add(
            TrialRow(
                id=f"trl_{sweep_id[4:20]}{number:016d}",
                sweep_id=sweep_id,
                number=number,
                value=value,
                created_at=moment,
                updated_at=moment,
                **fields,
            )
        )
    session.flush()


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(KEYS, max_size=12),
    st.lists(st.tuples(st.booleans(), KEYS), max_size=12),
    st.integers(1, 5),
    st.booleans(),
)
def test_nothing_twice_and_nothing_left_out(
    database: Database,
    values: list[float | None],
    between: list[tuple[bool, float | None]],
    limit: int,
    falling: bool,
) -> None:
    """Rows are added between the pages, and rows already shown are taken away."""
    order = Order(TrialRow.value, TrialRow.number, (float, int), falling)
    with database.write() as session:
        sweep = sweep_of(session, values)
        query = select(TrialRow).where(TrialRow.sweep_id == sweep)
        seen, cursor = list[tuple[float | None, int]](), None
        free = itertools.count(len(values))
        while True:
            rows, cursor = paging.fetch(session, query, order, Page(limit, cursor, "d"))
            seen += [(row[1], row[2]) for row in rows]
            if cursor is None:
                break
            takes, value = between.pop() if between else (False, None)
            if takes:
                gone = delete(TrialRow).where(TrialRow.id == rows[-1][0].id)
                session.execute(gone.execution_options(synchronize_session=False))
            elif len(seen) < 60:
                add(session, sweep, [value], next(free))
        session.rollback()
    numbers = [number for _, number in seen]
    assert len(set(numbers)) == len(numbers)
    assert set(range(len(values))) <= set(numbers)
    sign = -1 if falling else 1
    ranked = [(value is None, sign * (value or 0), sign * number) for value, number in seen]
    assert ranked == sorted(ranked)


@pytest.mark.parametrize("falling", [True, False])
def test_the_index_serves_a_later_page(session: Session, falling: bool) -> None:
    """The first column is bounded on its own, which is what an index range needs."""
    order = Order(TrialRow.number, TrialRow.number, (int, int), falling)
    text = str(order.behind(3, 3))
    assert text.startswith(f"trials.number {'<=' if falling else '>='} ")


def test_the_entity_comes_with_its_key(session: Session) -> None:
    row, _ = submit(session, make_spec(), None, now())
    Projection(session, row, now()).take(Entry(seq=1, at="", body=asked(0)))
    order = Order(TrialRow.number, TrialRow.number, (int, int))
    rows, following = paging.fetch(session, select(TrialRow), order, Page(1, None, "d"))
    assert ([tuple(one)[1:] for one in rows], following) == ([(0, 0)], None)
    assert isinstance(rows[0][0], TrialRow)
