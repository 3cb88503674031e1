"""Record: a driver's journal entries are stored once, in order, under its lease."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pydantic_core import PydanticSerializationError
from sqlalchemy.exc import DataError
from sqlalchemy.orm import Session

from service.errors import JournalGap, JournalMismatch, RefusedEntry
from service.operations.project import Projection
from service.store import journal, leases
from service.store.tables import SweepRow
from sweeps.errors import IllegalMoveError, JournalError
from sweeps.journal import Entry


def record(
    session: Session, sweep_id: str, token: int, entries: Sequence[Entry], now: datetime
) -> int:
    """Store `entries`; returns the last seq stored. All of them, or none.

    Entries at or below the last seq must be equal to what is stored and are skipped. Raises
    NotFound, StaleLease, JournalGap, JournalMismatch, RefusedEntry.
    """
    sweep = leases.held(session, sweep_id, token)
    known = [entry for entry in entries if entry.seq <= sweep.journal_seq]
    fresh = entries[len(known) :]
    expected = range(sweep.journal_seq + 1, sweep.journal_seq + 1 + len(fresh))
    for entry, seq in zip(fresh, expected, strict=True):
        if entry.seq != seq:
            raise JournalGap(
                f"entry {entry.seq} came where {seq} is next; send from {seq} on",
                extra={"expected_seq": seq},
            )
    _compare(session, sweep, known)
    projection = Projection(session, sweep, now)
    for entry in fresh:
        _take(session, projection, entry)
    return sweep.journal_seq


def _compare(session: Session, sweep: SweepRow, known: Sequence[Entry]) -> None:
    """As text: NaN does not equal itself."""
    if not known:
        return
    first, last = min(e.seq for e in known), max(e.seq for e in known)
    stored = journal.bodies(session, sweep.id, first, last)
    for entry in known:
        if stored[entry.seq] != _text(entry):
            raise JournalMismatch(
                f"entry {entry.seq} is stored with another content; this spool belongs to a lease "
                "that was lost"
            )


def _take(session: Session, projection: Projection, entry: Entry) -> None:
    try:
        _text(entry)
        projection.take(entry)
        session.flush()
    except (JournalError, IllegalMoveError) as error:
        raise RefusedEntry(f"entry {entry.seq} ({entry.body.type}): {error}") from error
    except (OverflowError, DataError) as error:
        # SQLite raises the first, PostgreSQL the second.
        what = "a number in it does not fit into 64 bits"
        raise RefusedEntry(f"entry {entry.seq} ({entry.body.type}): {what}") from error


def _text(entry: Entry) -> str:
    try:
        return entry.body.model_dump_json()
    except PydanticSerializationError as error:
        raise RefusedEntry(f"entry {entry.seq} ({entry.body.type}): {error}") from error
