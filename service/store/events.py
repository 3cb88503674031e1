"""Events: written in the transaction of what they tell, numbered within their sweep."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, cast

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from service.schemas import Event
from service.store.tables import EventRow, SweepRow
from sweeps.lifecycle import SWEEP_ENDS, SweepState

Kind = Literal["sweep", "trial", "verdict", "command"]


def add(
    session: Session,
    sweep: SweepRow,
    kind: Kind,
    data: Mapping[str, Any],
    now: datetime,
    trial_id: str | None = None,
) -> None:
    """Append an event. `sweep` must be locked, so that numbers are dense and in commit order.

    `data` is plain JSON: numbers that are not finite have been made strings before.
    """
    sweep.event_seq += 1
    sweep.updated_at = now
    row = EventRow(
        sweep_id=sweep.id,
        number=sweep.event_seq,
        type=kind,
        at=now,
        trial_id=trial_id,
        data=json.dumps(data, allow_nan=False),
        last=kind == "sweep" and data["state"] in SWEEP_ENDS,
    )
    session.add(row)


def reopen(session: Session, sweep: SweepRow) -> None:
    """What was the last event is so no more: a sweep that had ended goes on."""
    session.flush()
    ends = update(EventRow).where(EventRow.sweep_id == sweep.id, EventRow.last)
    session.execute(ends.values(last=False))


def after(session: Session, sweep_id: str, number: int, limit: int) -> tuple[list[Event], bool]:
    """The next `limit` events after `number`, and whether the sweep has ended with them."""
    query = (
        select(EventRow)
        .where(EventRow.sweep_id == sweep_id, EventRow.number > number)
        .order_by(EventRow.number)
        .limit(limit)
    )
    rows = list(session.scalars(query))
    if rows:
        return [_view(row) for row in rows], rows[-1].last
    state = session.scalar(select(SweepRow.state).where(SweepRow.id == sweep_id))
    return [], state is None or SweepState(state) in SWEEP_ENDS


def _view(row: EventRow) -> Event:
    return Event(
        id=row.number,
        type=cast("Kind", row.type),
        at=row.at,
        sweep_id=row.sweep_id,
        trial_id=row.trial_id,
        data=json.loads(row.data),
        last=row.last,
    )
