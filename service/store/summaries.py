"""What pruning did to each sweep that is DONE: kept once it is made, and read together."""

from __future__ import annotations

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from service.queries import PruningQuery
from service.schemas import PruningHistory, SweepPruning
from service.store.tables import SweepRow
from sweeps.lifecycle import SweepState
from sweeps.pruning_report import PruningReport, pool

# Sweeps with more entries have no summary: to fold them would take the service too long.
LONGEST = 50_000
# Among so many that ended last the service looks for missing ones; it does so every few seconds.
_NEWEST = 400


def missing(session: Session) -> SweepRow | None:
    """Of the _NEWEST sweeps that were DONE last, the last one without a summary of its whole
    journal."""
    order = (SweepRow.ended_at.desc(), SweepRow.id.desc())
    done = select(SweepRow.id).where(SweepRow.state == SweepState.DONE).order_by(*order)
    newest = done.limit(_NEWEST).subquery()
    stale = or_(SweepRow.pruning_seq.is_(None), SweepRow.pruning_seq != SweepRow.journal_seq)
    query = select(SweepRow).join(newest, newest.c.id == SweepRow.id)
    query = query.where(stale, SweepRow.journal_seq <= LONGEST)
    return session.scalar(query.order_by(*order).limit(1))


def keep(sweep: SweepRow, seq: int, report: PruningReport | None) -> None:
    """Store the summary of the first `seq` entries. None: the sweep does not prune."""
    sweep.pruning = None if report is None else report.model_dump_json()
    sweep.pruning_seq = seq


def history(session: Session, asked: PruningQuery) -> PruningHistory:
    """The sweeps that are DONE and have a summary, those that ended last first."""
    query = select(SweepRow).where(SweepRow.state == SweepState.DONE, SweepRow.pruning.is_not(None))
    if asked.project is not None:
        query = query.where(SweepRow.project == asked.project)
    order = (SweepRow.ended_at.desc(), SweepRow.id.desc())
    rows = session.scalars(query.order_by(*order).limit(asked.limit))
    items = [_item(row) for row in rows]
    return PruningHistory(items=items, pooled=pool([item.report for item in items]))


def _item(row: SweepRow) -> SweepPruning:
    return SweepPruning(
        sweep_id=row.id,
        name=row.name,
        project=row.project,
        ended_at=row.ended_at,
        report=PruningReport.model_validate_json(row.pruning or ""),
    )
