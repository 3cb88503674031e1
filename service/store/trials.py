"""Trials, their attempts and reports."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.errors import NotFound
from service.store.cursors import pack, unpack_trial
from service.store.tables import AttemptRow, ReportRow, TrialRow


def find(session: Session, trial_id: str) -> TrialRow:
    """The trial. Raises NotFound."""
    row = session.scalar(select(TrialRow).where(TrialRow.id == trial_id))
    if row is None:
        mend = "A trial's id looks like trl_ and 32 hexadecimal digits; its sweep lists them."
        raise NotFound(f"there is no trial {trial_id[:100]!r}. {mend}")
    return row


def page(
    session: Session, sweep_id: str, limit: int, cursor: str | None, state: str | None
) -> tuple[list[TrialRow], str | None]:
    """The next `limit` trials by number, and the cursor of the page after them."""
    query = select(TrialRow).where(TrialRow.sweep_id == sweep_id).order_by(TrialRow.number)
    if state is not None:
        query = query.where(TrialRow.state == state)
    if cursor is not None:
        query = query.where(TrialRow.number > unpack_trial(cursor))
    rows = list(session.scalars(query.limit(limit + 1)))
    if len(rows) <= limit:
        return rows, None
    return rows[:limit], pack(rows[limit - 1].number)


def numbered(session: Session, sweep_id: str, number: int) -> TrialRow | None:
    """Trial `number` of a sweep, None when it was never asked."""
    query = select(TrialRow).where(TrialRow.sweep_id == sweep_id, TrialRow.number == number)
    return session.scalar(query)


def every(session: Session, sweep_id: str) -> list[TrialRow]:
    """All trials of a sweep by number."""
    query = select(TrialRow).where(TrialRow.sweep_id == sweep_id).order_by(TrialRow.number)
    return list(session.scalars(query))


def count(session: Session, sweep_id: str) -> int:
    """How many trials the sweep has."""
    query = select(func.count()).where(TrialRow.sweep_id == sweep_id)
    return session.scalar(query) or 0


def attempts(session: Session, trial_id: str) -> list[AttemptRow]:
    """A trial's attempts in order."""
    query = select(AttemptRow).where(AttemptRow.trial_id == trial_id)
    return list(session.scalars(query.order_by(AttemptRow.number)))


def reports(session: Session, trial_id: str) -> list[ReportRow]:
    """A trial's reports by decision point."""
    query = select(ReportRow).where(ReportRow.trial_id == trial_id)
    return list(session.scalars(query.order_by(ReportRow.point)))


def points(session: Session, trial_id: str) -> list[int]:
    """The decision points at which a trial has reported."""
    query = select(ReportRow.point).where(ReportRow.trial_id == trial_id)
    return list(session.scalars(query.order_by(ReportRow.point)))


def last_report(session: Session, trial_id: str) -> ReportRow | None:
    """The report with the highest point."""
    query = select(ReportRow).where(ReportRow.trial_id == trial_id)
    return session.scalar(query.order_by(ReportRow.point.desc()).limit(1))
