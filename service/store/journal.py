"""Journals: append-only, dense, and the story that they tell."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import TypeAdapter
from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from service.store.tables import EntryRow, SweepRow
from sweeps.journal import Body, Entry, Story, fold

_BODY: TypeAdapter[Body] = TypeAdapter(Body)


def add(session: Session, sweep: SweepRow, entry: Entry) -> None:
    """Store the next entry. The sweep must be locked and `entry.seq` its journal_seq + 1."""
    row = EntryRow(
        sweep_id=sweep.id,
        seq=entry.seq,
        at=entry.at,
        type=entry.body.type,
        body=entry.body.model_dump_json(),
    )
    session.add(row)
    sweep.journal_seq = entry.seq


def bodies(session: Session, sweep_id: str, first: int, last: int) -> dict[int, str]:
    """Each body with first <= seq <= last as JSON text, as this version writes it: a field that
    was added since it was stored has its default."""
    query = select(EntryRow.seq, EntryRow.body).where(
        EntryRow.sweep_id == sweep_id, EntryRow.seq.between(first, last)
    )
    stored = session.execute(query).all()
    return {seq: _BODY.validate_json(text).model_dump_json() for seq, text in stored}


def page(session: Session, sweep_id: str, after: int, limit: int) -> list[Entry]:
    """Up to `limit` entries with seq > `after`, in order."""
    query = (
        select(EntryRow)
        .where(EntryRow.sweep_id == sweep_id, EntryRow.seq > after)
        .order_by(EntryRow.seq)
        .limit(limit)
    )
    return [_entry(row) for row in session.scalars(query)]


def holds(session: Session, sweep_id: str, kind: str) -> bool:
    """True when the journal has an entry of this type."""
    query = exists().where(EntryRow.sweep_id == sweep_id, EntryRow.type == kind)
    return bool(session.scalar(select(query)))


def story(session: Session, sweep_id: str) -> Story:
    """The fold of the whole journal."""
    return fold(_entries(session, sweep_id))


def _entries(session: Session, sweep_id: str) -> Iterator[Entry]:
    query = select(EntryRow).where(EntryRow.sweep_id == sweep_id).order_by(EntryRow.seq)
    return (_entry(row) for row in session.scalars(query.execution_options(yield_per=500)))


def _entry(row: EntryRow) -> Entry:
    return Entry(seq=row.seq, at=row.at, body=_BODY.validate_json(row.body))
