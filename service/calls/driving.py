"""A driver's door: the journal, what finished sweeps and trials teach, and the end."""

from __future__ import annotations

from collections.abc import Sequence

from service.calls.asking import get, post, sweep_path
from service.exchange import Call, Leaf
from service.schemas import (
    LONGEST_MESSAGE,
    Costs,
    FinishRequest,
    JournalAck,
    JournalAppend,
    JournalPage,
    PastSweeps,
    SweepDetail,
)
from sweeps.journal import Entry


def journal(sweep_id: str, after: int = 0, limit: int = 500) -> Call[JournalPage]:
    """Entries with seq > `after`."""
    query = {"after": after, "limit": limit}
    return get(JournalPage, f"{sweep_path(sweep_id)}/journal", query)


def entries(sweep_id: str, after: int = 0) -> Call[Leaf[Entry]]:
    """Every entry with seq > `after` that is stored by now, page by page."""

    def turn(page: JournalPage) -> Leaf[Entry]:
        found = page.entries
        last = not found or found[-1].seq >= page.last_seq
        return Leaf(found, None if last else entries(sweep_id, found[-1].seq))

    return journal(sweep_id, after).then(turn)


def append(sweep_id: str, token: int, entries: Sequence[Entry]) -> Call[int]:
    """Journal entries; gives the last seq stored. Safe to repeat, but not repeated here.

    Raises StaleLease, JournalGap (`extra["expected_seq"]`), JournalMismatch, RefusedEntry.
    """
    body = JournalAppend(token=token, entries=list(entries))
    return post(JournalAck, f"{sweep_path(sweep_id)}/journal", body).then(lambda ack: ack.seq)


def past(sweep_id: str) -> Call[PastSweeps]:
    """Curves of finished sweeps of the same family, the newest first."""
    return get(PastSweeps, f"{sweep_path(sweep_id)}/past")


def costs(sweep_id: str) -> Call[Costs]:
    """What trials of its model took of the devices of its pool; for drivers."""
    return get(Costs, f"{sweep_path(sweep_id)}/costs")


def finish(sweep_id: str, token: int, state: str, message: str = "") -> Call[SweepDetail]:
    """Say how the sweep ended; ends the lease. Raises StaleLease, IllegalMove.

    A message over LONGEST_MESSAGE characters is cut at its end, and says so.
    """
    given = {"token": token, "state": state, "message": _fitting(message)}
    return post(SweepDetail, f"{sweep_path(sweep_id)}/finish", FinishRequest.model_validate(given))


def _fitting(message: str) -> str:
    """A failed sweep must not stay RUNNING because its error is long."""
    if len(message) <= LONGEST_MESSAGE:
        return message
    note = f"\n(cut: the whole message has {len(message)} characters)"
    return message[: LONGEST_MESSAGE - len(note)] + note
