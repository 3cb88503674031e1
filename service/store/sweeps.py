"""Sweeps: find, lock, page, count."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from sqlalchemy import func, select, tuple_
from sqlalchemy.orm import Session

from service.errors import NotFound
from service.store.cursors import pack, unpack_sweep
from service.store.tables import SweepRow, TrialRow
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


def page(
    session: Session, limit: int, cursor: str | None, state: str | None, project: str | None
) -> tuple[list[SweepRow], str | None]:
    """The newest `limit` sweeps behind the cursor, and the cursor of the page after them."""
    query = select(SweepRow).order_by(SweepRow.created_at.desc(), SweepRow.id.desc())
    if state is not None:
        query = query.where(SweepRow.state == state)
    if project is not None:
        query = query.where(SweepRow.project == project)
    if cursor is not None:
        key = unpack_sweep(cursor)
        query = query.where(tuple_(SweepRow.created_at, SweepRow.id) < key)
    rows = list(session.scalars(query.limit(limit + 1)))
    if len(rows) <= limit:
        return rows, None
    last = rows[limit - 1]
    return rows[:limit], pack(last.created_at.isoformat(), last.id)


def trial_counts(
    session: Session, sweep_ids: Sequence[str]
) -> dict[str, dict[TrialState, int]]:
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
