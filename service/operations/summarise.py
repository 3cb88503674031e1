"""Summarise: what pruning did to a sweep that is DONE, so that no report folds its journal."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from service.store import journal, summaries, sweeps
from service.store.tables import SweepRow
from sweeps.lifecycle import SweepState
from sweeps.pruning_report import PruningReport
from sweeps.result import make_result

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Summary:
    """Of the first `seq` entries of a sweep; `report` is None when it does not prune."""

    sweep_id: str
    seq: int
    report: PruningReport | None


def make(session: Session) -> Summary | None:
    """The next summary that is missing, None when none is. Folds a journal: takes no lock."""
    sweep = summaries.missing(session)
    return None if sweep is None else Summary(sweep.id, sweep.journal_seq, _report(session, sweep))


def keep(session: Session, made: Summary) -> None:
    """Store a summary, unless the sweep has gone on in the meantime."""
    sweep = sweeps.find(session, made.sweep_id, lock=True)
    if sweep.state == SweepState.DONE and sweep.journal_seq == made.seq:
        summaries.keep(sweep, made.seq, made.report)


def _report(session: Session, sweep: SweepRow) -> PruningReport | None:
    try:
        spec = sweeps.spec_of(sweep)
        if spec.spec.pruning.type == "never":
            return None
        return make_result(spec, journal.story(session, sweep.id)).pruning
    except SQLAlchemyError:
        raise  # says nothing about this sweep; the next try may get through
    # Whatever is wrong with one sweep, it keeps no other from its summary.
    except Exception as error:  # noqa: BLE001
        log.warning("sweep %s has no summary: %s", sweep.id, error)
        return None
