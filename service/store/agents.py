"""Agents as they last called, and the pools they make."""

from __future__ import annotations

import json
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from service.schemas import Agent, ClaimRequest
from service.store.tables import AgentRow


def saw(session: Session, request: ClaimRequest, now: datetime) -> None:
    """Remember what an agent offers. Its row is locked: an agent's claims go one by one.

    One statement, so that two first calls of one name at once do not both insert.
    """
    offer = {
        "device_kind": request.device_kind,
        "slots": request.slots,
        "recipes": json.dumps(request.recipes),
        "version": request.version,
        "seen_at": now,
    }
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    row = insert(AgentRow).values(pool=request.pool, name=request.agent, **offer)
    session.execute(row.on_conflict_do_update(index_elements=["pool", "name"], set_=offer))


def heard(session: Session, pool: str, name: str, now: datetime) -> None:
    """One of the agent's drivers renewed, so the agent's machine lives."""
    mine = (AgentRow.pool == pool, AgentRow.name == name)
    session.execute(update(AgentRow).where(*mine).values(seen_at=now))


def forget(session: Session, pool: str, name: str) -> None:
    """The agent ended in good order; one that nobody knows is no error."""
    session.execute(delete(AgentRow).where(AgentRow.pool == pool, AgentRow.name == name))


def every(session: Session) -> list[AgentRow]:
    """All agents, by pool and name."""
    query = select(AgentRow).order_by(AgentRow.pool, AgentRow.name)
    # `saw` and `heard` write past the rows that a session has loaded.
    return list(session.scalars(query.execution_options(populate_existing=True)))


def view(row: AgentRow, alive_since: datetime) -> Agent:
    """As users see it; alive when it called after `alive_since`."""
    return Agent(
        name=row.name,
        device_kind=row.device_kind,
        slots=row.slots,
        recipes=json.loads(row.recipes),
        version=row.version,
        seen_at=row.seen_at,
        alive=row.seen_at > alive_since,
    )
