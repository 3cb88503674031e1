"""The inbox: users' commands, and whether they took effect."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.schemas import Command
from service.store.tables import CommandRow


def add(
    session: Session,
    sweep_id: str,
    kind: str,
    trial: int | None,
    now: datetime,
    trials: int | None = None,
) -> CommandRow:
    """A new command, waiting. The sweep must be locked."""
    row = CommandRow(
        sweep_id=sweep_id,
        number=newest(session, sweep_id) + 1,
        id=f"cmd_{uuid.uuid4().hex}",
        kind=kind,
        trial=trial,
        trials=trials,
        created_at=now,
    )
    session.add(row)
    session.flush()
    return row


def newest(session: Session, sweep_id: str) -> int:
    """The number of a sweep's newest command, 0 when none was ever given."""
    query = select(func.coalesce(func.max(CommandRow.number), 0))
    return session.scalar(query.where(CommandRow.sweep_id == sweep_id)) or 0


def waiting(session: Session, sweep_ids: Sequence[str]) -> list[CommandRow]:
    """Commands of these sweeps that no driver has applied, in the order they were given."""
    query = select(CommandRow).where(
        CommandRow.sweep_id.in_(sweep_ids), CommandRow.applied_at.is_(None)
    )
    return list(session.scalars(query.order_by(CommandRow.sweep_id, CommandRow.number)))


def find(session: Session, sweep_id: str, command_id: str) -> CommandRow | None:
    """A sweep's command by its id; None for one that a driver made up itself."""
    query = select(CommandRow).where(CommandRow.sweep_id == sweep_id, CommandRow.id == command_id)
    return session.scalar(query)


def latest(
    session: Session, sweep_id: str, kinds: Sequence[str], trial: int | None = None
) -> CommandRow | None:
    """The newest command of one of `kinds` for this trial (None: for the sweep)."""
    query = select(CommandRow).where(
        CommandRow.sweep_id == sweep_id,
        CommandRow.kind.in_(kinds),
        CommandRow.trial.is_(None) if trial is None else CommandRow.trial == trial,
    )
    return session.scalar(query.order_by(CommandRow.number.desc()).limit(1))


def view(row: CommandRow) -> Command:
    """As drivers and users see it."""
    given = {"id": row.id, "kind": row.kind, "trial": row.trial, "trials": row.trials}
    return Command.model_validate(given)
