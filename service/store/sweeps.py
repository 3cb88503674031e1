"""Sweeps: find, lock, page, count."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Select, and_, func, select
from sqlalchemy.orm import Session

from service.errors import NotFound
from service.queries import SweepQuery
from service.store import paging
from service.store.cursors import bound
from service.store.paging import Order, Page
from service.store.tables import LabelRow, SweepRow, TrialRow
from sweeps.lifecycle import SweepState, TrialState
from sweeps.spec import SweepSpec, parse

_END_OF_NAMES = "A sweep's id looks like swp_ and 32 hexadecimal digits; `list` shows them."


def find(session: Session, sweep_id: str, *, lock: bool = False) -> SweepRow:
    """The sweep; with `lock` no other transaction changes it until this one ends.

    Raises NotFound.
    """
    query = select(SweepRow).where(SweepRow.id == sweep_id)
    row = session.scalar(query.with_for_update() if lock else query)
    if row is None:
        raise NotFound(f"there is no sweep {sweep_id[:100]!r}. {_END_OF_NAMES}")
    return row


def spec_of(row: SweepRow) -> SweepSpec:
    """The sweep's spec, parsed."""
    return parse(json.loads(row.spec))


_SORTS = {
    "created_at": (SweepRow.created_at, datetime),
    "updated_at": (SweepRow.updated_at, datetime),
    "name": (SweepRow.name, str),
    "priority": (SweepRow.priority, int),
}


def page(session: Session, asked: SweepQuery) -> tuple[list[SweepRow], str | None]:
    """The sweeps of a page, and the cursor of the page after it. Raises BadRequest.

    Sorted by `updated_at`, a sweep that changes between two pages moves: it may be met again.
    """
    column, kind = _SORTS[asked.sort.removeprefix("-")]
    order = Order(column, SweepRow.id, (kind, str), asked.sort.startswith("-"))
    view = Page(asked.limit, asked.cursor, bound(list="sweeps", **asked.filters()))
    rows, following = paging.fetch(session, _filtered(asked), order, view)
    return [row[0] for row in rows], following


def _filtered(asked: SweepQuery) -> Select[SweepRow]:
    query = select(SweepRow)
    if asked.state:
        query = query.where(SweepRow.state.in_(asked.state))
    for column, value in (
        (SweepRow.project, asked.project),
        (SweepRow.pool, asked.pool),
        (SweepRow.name, asked.name),
    ):
        if value is not None:
            query = query.where(column == value)
    for label in asked.label:
        name, _, value = label.partition("=")
        query = query.where(
            SweepRow.labels.any(and_(LabelRow.name == name, LabelRow.value == value))
        )
    return query


def trial_counts(session: Session, sweep_ids: Sequence[str]) -> dict[str, dict[TrialState, int]]:
    """How many trials each sweep has in each state; states without any are left out."""
    counts: dict[str, dict[TrialState, int]] = {sweep_id: {} for sweep_id in sweep_ids}
    query = (
        select(TrialRow.sweep_id, TrialRow.state, func.count())
        .where(TrialRow.sweep_id.in_(sweep_ids))
        .group_by(TrialRow.sweep_id, TrialRow.state)
    )
    for sweep_id, state, count in session.execute(query):
        counts[sweep_id][TrialState(state)] = count
    return counts


def by_state(session: Session) -> Iterable[tuple[str, SweepState, int]]:
    """(pool, state, number of sweeps)."""
    query = select(SweepRow.pool, SweepRow.state, func.count())
    rows = session.execute(query.group_by(SweepRow.pool, SweepRow.state))
    return [(pool, SweepState(state), count) for pool, state, count in rows]


def trials_by_state(session: Session) -> dict[TrialState, int]:
    """How many trials are in each state, over all sweeps."""
    rows = session.execute(select(TrialRow.state, func.count()).group_by(TrialRow.state))
    return {TrialState(state): count for state, count in rows}
