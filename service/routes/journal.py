"""Routes of journals, for drivers and for whoever exports a sweep."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from service.auth import Scope
from service.errors import Conflict, NotFound, TooLarge
from service.operations.finish import finish
from service.operations.record import record
from service.routes.common import API, Needs, Now, Reading, SweepPath, Writing, errors
from service.schemas import (
    Costs,
    FinishRequest,
    JournalAck,
    JournalAppend,
    JournalPage,
    PastSweeps,
    SweepDetail,
)
from service.store import costs, journal, past, sweep_views, sweeps

router = APIRouter(prefix=f"{API}/sweeps/{{sweep_id}}", tags=["journal"])


@router.get(
    "/journal",
    operation_id="read_journal",
    dependencies=[Depends(Needs(Scope.VIEWER))],
    responses=errors(NotFound),
)
def read_journal(
    sweep_id: SweepPath,
    session: Reading,
    after: Annotated[int, Query(ge=0, lt=2**63)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 500,
) -> JournalPage:
    """Entries after a seq, in order."""
    row = sweeps.find(session, sweep_id)
    entries = journal.page(session, sweep_id, after, limit)
    return JournalPage(entries=entries, last_seq=row.journal_seq)


@router.post(
    "/journal",
    operation_id="append_journal",
    dependencies=[Depends(Needs(Scope.AGENT))],
    responses=errors(NotFound, Conflict, TooLarge),
)
def append_journal(
    sweep_id: SweepPath, request: JournalAppend, session: Writing, now: Now
) -> JournalAck:
    """Store entries: seq = last + 1 and on, under the current token. Repeats are harmless."""
    seq = record(session, sweep_id, request.token, request.entries, now.now)
    return JournalAck(seq=seq)


@router.get(
    "/past",
    operation_id="read_past",
    dependencies=[Depends(Needs(Scope.AGENT))],
    responses=errors(NotFound),
)
def read_past(sweep_id: SweepPath, session: Reading) -> PastSweeps:
    """Finished sweeps of the same project, recipe, model and metric, the newest first. Bounded: 20
    sweeps, of each 200 trials, of each ten points."""
    return PastSweeps(items=past.past(session, sweeps.find(session, sweep_id)))


@router.get(
    "/costs",
    operation_id="read_costs",
    dependencies=[Depends(Needs(Scope.AGENT))],
    responses=errors(NotFound),
)
def read_costs(sweep_id: SweepPath, session: Reading) -> Costs:
    """What trials of the same model took of their devices in the same pool, the newest 200."""
    spec = sweeps.spec_of(sweeps.find(session, sweep_id))
    return Costs(items=costs.measurements(session, spec))


@router.post(
    "/finish",
    operation_id="finish_sweep",
    dependencies=[Depends(Needs(Scope.AGENT))],
    responses=errors(NotFound, Conflict, TooLarge),
)
def finish_sweep(
    sweep_id: SweepPath, request: FinishRequest, session: Writing, now: Now
) -> SweepDetail:
    """Say how the sweep ended; the lease ends with it."""
    return sweep_views.detail(session, finish(session, sweep_id, request, now), now)
