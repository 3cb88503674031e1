"""Trials, their attempts and reports."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.errors import NotFound
from service.queries import ReportQuery, TrialQuery
from service.store import paging
from service.store.cursors import bound
from service.store.paging import Order, Page
from service.store.tables import AttemptRow, ReportRow, TrialRow
from sweeps.lifecycle import TrialState
from sweeps.trial import Role


def find(session: Session, trial_id: str) -> TrialRow:
    """The trial. Raises NotFound."""
    row = session.scalar(select(TrialRow).where(TrialRow.id == trial_id))
    if row is None:
        mend = "A trial's id looks like trl_ and 32 hexadecimal digits; its sweep lists them."
        raise NotFound(f"there is no trial {trial_id[:100]!r}. {mend}")
    return row


_SORTS = {
    "number": (TrialRow.number, int),
    "value": (TrialRow.value, float),
    "loss": (TrialRow.loss, float),
    "grad_norm": (TrialRow.grad_norm, float),
    "samples": (TrialRow.samples, int),
    "attempts": (TrialRow.attempts, int),
    "updated_at": (TrialRow.updated_at, datetime),
}


def page(session: Session, sweep_id: str, asked: TrialQuery) -> tuple[list[TrialRow], str | None]:
    """The trials of a page, and the cursor of the page after it. Raises BadRequest.

    Sorted by what changes while trials run, one may move between two pages and be met again.
    """
    column, kind = _SORTS[asked.sort.removeprefix("-")]
    order = Order(column, TrialRow.number, (kind, int), asked.sort.startswith("-"))
    query = select(TrialRow).where(TrialRow.sweep_id == sweep_id)
    if asked.state:
        query = query.where(TrialRow.state.in_(asked.state))
    if asked.role is not None:
        query = query.where(TrialRow.role == asked.role)
    view = Page(asked.limit, asked.cursor, bound(list=f"trials {sweep_id}", **asked.filters()))
    rows, following = paging.fetch(session, query, order, view)
    return [row[0] for row in rows], following


def report_page(
    session: Session, sweep_id: str, asked: ReportQuery
) -> tuple[list[tuple[int, ReportRow]], str | None]:
    """(trial number, report) of a whole sweep by number and point. Raises BadRequest."""
    order = Order(TrialRow.number, ReportRow.point, (int, int))
    query = select(ReportRow).join(TrialRow, TrialRow.id == ReportRow.trial_id)
    view = Page(asked.limit, asked.cursor, bound(list=f"reports {sweep_id}"))
    rows, following = paging.fetch(session, query.where(TrialRow.sweep_id == sweep_id), order, view)
    return [(number, report) for report, number, _ in rows], following


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


def searched(session: Session, sweep_id: str) -> int:
    """How many trials the search has asked for: what a budget of trials counts."""
    query = select(func.count()).where(TrialRow.sweep_id == sweep_id)
    return session.scalar(query.where(TrialRow.role == Role.SEARCH)) or 0


def failed(session: Session, sweep_id: str) -> list[TrialRow]:
    """A sweep's FAILED trials by number."""
    query = select(TrialRow).where(
        TrialRow.sweep_id == sweep_id, TrialRow.state == TrialState.FAILED
    )
    return list(session.scalars(query.order_by(TrialRow.number)))


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
