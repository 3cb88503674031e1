"""Leases: columns of the sweep. A claim is one conditional UPDATE ... RETURNING."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningUpdate

from service.errors import StaleLease
from service.store import sweeps
from service.store.tables import SweepRow
from sweeps.lifecycle import SweepState


def claim(
    session: Session,
    agent: str,
    pool: str,
    recipes: Sequence[str],
    now: datetime,
    until: datetime,
    driving: Sequence[str] = (),
) -> SweepRow | None:
    """Lease the sweep of the pool that waits for a driver and goes first, or None. Locks it.

    The highest priority goes first, and of equal ones the oldest.

    Never one of `driving`: the agent's own driver of it lives, and a late renewal keeps its lease.
    """
    free = and_(
        SweepRow.pool == pool,
        SweepRow.recipe.in_(recipes),
        SweepRow.state.in_([SweepState.QUEUED, SweepState.RUNNING]),
        SweepRow.id.not_in(driving),
        ~_live(now),
    )
    return session.scalars(claim_statement(free, agent, until)).one_or_none()


def claim_statement(
    free: ColumnElement[bool], agent: str, until: datetime
) -> ReturningUpdate[SweepRow]:
    """UPDATE ... RETURNING of the first sweep that is `free`, still so when it is locked."""
    first = (
        select(SweepRow.id)
        .where(free)
        .order_by(SweepRow.priority.desc(), SweepRow.created_at, SweepRow.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    return (
        update(SweepRow)
        .where(SweepRow.id == first, free)
        .values(
            lease_token=SweepRow.lease_token + 1,
            lease_agent=agent,
            lease_expires_at=until,
        )
        .returning(SweepRow)
        .execution_options(synchronize_session=False, populate_existing=True)
    )


def held(session: Session, sweep_id: str, token: int) -> SweepRow:
    """The sweep, locked, when `token` is its lease. A late renewal is no loss: only another claim
    or the end of the lease makes a token stale. Raises NotFound, StaleLease."""
    row = sweeps.find(session, sweep_id, lock=True)
    if row.lease_agent is None or row.lease_token != token:
        raise StaleLease(_stale(row, token))
    return row


def released(row: SweepRow, token: int) -> bool:
    """True when `token` was the last lease and was given back. Raises StaleLease otherwise."""
    if row.lease_token != token:
        raise StaleLease(_stale(row, token))
    return row.lease_agent is None


def drop(row: SweepRow) -> None:
    """Nobody drives this sweep any more."""
    row.lease_agent = row.lease_expires_at = None


def is_live(row: SweepRow, now: datetime) -> bool:
    """True while a driver holds the sweep and has renewed in time."""
    return row.lease_expires_at is not None and row.lease_expires_at > now


def live(session: Session, now: datetime) -> list[SweepRow]:
    """All sweeps under an unexpired lease, oldest first."""
    query = select(SweepRow).where(_live(now)).order_by(SweepRow.created_at, SweepRow.id)
    return list(session.scalars(query))


def count_driven(
    session: Session, agent: str, pool: str, driving: Sequence[str], now: datetime
) -> int:
    """How many sweeps the agent drives: under a live lease, or one that its living driver may
    still renew because nobody else has claimed the sweep since."""
    query = select(func.count()).where(
        SweepRow.pool == pool,
        SweepRow.lease_agent == agent,
        or_(_live(now), SweepRow.id.in_(driving)),
    )
    return session.scalar(query) or 0


def abandoned(session: Session, now: datetime) -> list[str]:
    """Ids of cancelled sweeps whose driver went away before it closed them.

    In the order in which all lock them, so that no two wait for each other.
    """
    query = select(SweepRow.id).where(SweepRow.state == SweepState.STOPPING, ~_live(now))
    return list(session.scalars(query.order_by(SweepRow.id)))


def _live(now: datetime) -> ColumnElement[bool]:
    """Never NULL, so that it can be negated."""
    return ~or_(SweepRow.lease_expires_at.is_(None), SweepRow.lease_expires_at <= now)


def _stale(row: SweepRow, token: int) -> str:
    holder = f"{row.lease_agent} holds it" if row.lease_agent else "nobody holds it now"
    return f"token {token} is not the lease of {row.id}: {holder}. Stop, and claim again."
