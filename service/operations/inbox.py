"""The inbox's two moves: a command is given, a command took effect. Both are told as events."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from service.schemas import Accepted
from service.store import commands, events
from service.store.tables import CommandRow, SweepRow
from sweeps.lifecycle import SweepState
from sweeps.trial import trial_id


def give(
    session: Session,
    sweep: SweepRow,
    kind: str,
    now: datetime,
    trial: int | None = None,
    trials: int | None = None,
) -> CommandRow:
    """A new command for a locked sweep; it waits."""
    row = commands.add(session, sweep.id, kind, trial, now, trials)
    _tell(session, sweep, row, "waiting", now)
    return row


def accepted(sweep: SweepRow, row: CommandRow | None, kind: str = "") -> Accepted:
    """The answer to a user. Without a row there was nothing to do."""
    return Accepted(
        id=None if row is None else row.id,
        kind=kind if row is None else row.kind,
        applied=row is None or row.applied_at is not None,
        state=SweepState(sweep.state),
    )


def applied(session: Session, sweep: SweepRow, row: CommandRow, now: datetime) -> None:
    """The command took effect; a repeat changes nothing."""
    if row.applied_at is None:
        row.applied_at = now
        _tell(session, sweep, row, "applied", now)


def settle(
    session: Session, sweep: SweepRow, now: datetime, kinds: Sequence[str] | None = None
) -> None:
    """Nothing is left for the waiting commands (of these kinds, None: of all) to do."""
    for row in commands.waiting(session, [sweep.id]):
        if kinds is None or row.kind in kinds:
            applied(session, sweep, row, now)


def _tell(session: Session, sweep: SweepRow, row: CommandRow, status: str, now: datetime) -> None:
    subject = {"trial": row.trial, "trials": row.trials}
    data = {"id": row.id, "kind": row.kind, **subject, "status": status}
    about = None if row.trial is None else trial_id(sweep.id, row.trial)
    events.add(session, sweep, "command", data, now, about)
