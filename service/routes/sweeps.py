"""Routes of sweeps."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Response

from service.auth import Scope
from service.errors import Conflict, NotFound, TooLarge
from service.operations import command
from service.operations.plan import plan
from service.operations.submit import submit
from service.routes.common import (
    API,
    SPEC_BODY,
    Cursor,
    Limit,
    Needs,
    Now,
    Reading,
    SpecBytes,
    SweepPath,
    Writing,
    errors,
    read_json,
)
from service.schemas import Accepted, SweepDetail, SweepPage
from service.store import journal, sweep_views, sweeps
from sweeps.lifecycle import SweepState
from sweeps.planning import Plan
from sweeps.result import Result, make_result

router = APIRouter(prefix=f"{API}/sweeps", tags=["sweeps"])
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        description="the same key with the same body gives the same sweep again",
    ),
]
REPLAY = "Idempotent-Replay"


@router.post(
    "",
    operation_id="create_sweep",
    status_code=201,
    dependencies=[Depends(Needs(Scope.EDITOR))],
    responses={
        200: {"model": SweepDetail, "description": "Made before, with this Idempotency-Key"},
        **errors(TooLarge),
    },
    openapi_extra=SPEC_BODY,
)
def create_sweep(
    body: SpecBytes, response: Response, session: Writing, now: Now, key: Key = None
) -> SweepDetail:
    """Submit a sweep. It is QUEUED until an agent of its pool claims it."""
    row, replayed = submit(session, read_json(body), key, now.now)
    response.headers["Location"] = f"{API}/sweeps/{row.id}"
    if replayed:
        response.status_code, response.headers[REPLAY] = 200, "true"
    return sweep_views.detail(session, row, now)


@router.get(
    "",
    operation_id="list_sweeps",
    dependencies=[Depends(Needs(Scope.VIEWER))],
    responses=errors(),
)
def list_sweeps(
    session: Reading,
    now: Now,
    limit: Limit = 50,
    cursor: Cursor = None,
    state: SweepState | None = None,
    project: Annotated[str | None, Query(max_length=100)] = None,
) -> SweepPage:
    """Sweeps, newest first."""
    rows, following = sweeps.page(session, limit, cursor, state, project)
    return SweepPage(items=sweep_views.summaries(session, rows, now), next_cursor=following)


@router.post(
    "/plan",
    operation_id="plan_sweep",
    dependencies=[Depends(Needs(Scope.VIEWER))],
    responses=errors(TooLarge),
    openapi_extra=SPEC_BODY,
)
def plan_sweep(body: SpecBytes, session: Reading) -> Plan:
    """What a spec would run and cost. Nothing is stored."""
    return plan(session, read_json(body))


@router.get(
    "/{sweep_id}",
    operation_id="get_sweep",
    dependencies=[Depends(Needs(Scope.VIEWER))],
    responses=errors(NotFound),
)
def get_sweep(sweep_id: SweepPath, session: Reading, now: Now) -> SweepDetail:
    """One sweep with its spec."""
    return sweep_views.detail(session, sweeps.find(session, sweep_id), now)


@router.get(
    "/{sweep_id}/result",
    operation_id="get_result",
    dependencies=[Depends(Needs(Scope.VIEWER))],
    responses=errors(NotFound),
)
def get_result(sweep_id: SweepPath, session: Reading) -> Result:
    """The ranking as the journal stands, also before the sweep has ended."""
    row = sweeps.find(session, sweep_id)
    return make_result(sweeps.spec_of(row), journal.story(session, sweep_id))


@router.post(
    "/{sweep_id}/pause",
    operation_id="pause_sweep",
    status_code=202,
    dependencies=[Depends(Needs(Scope.EDITOR))],
    responses=errors(NotFound, Conflict),
)
def pause_sweep(sweep_id: SweepPath, session: Writing, now: Now) -> Accepted:
    """Save what runs and leave the devices. Running it takes until its driver has saved."""
    return command.pause(session, sweep_id, now.now)


@router.post(
    "/{sweep_id}/resume",
    operation_id="resume_sweep",
    status_code=202,
    dependencies=[Depends(Needs(Scope.EDITOR))],
    responses=errors(NotFound, Conflict),
)
def resume_sweep(sweep_id: SweepPath, session: Writing, now: Now) -> Accepted:
    """Queue a paused sweep again; it goes on where it was."""
    return command.resume(session, sweep_id, now.now)


@router.post(
    "/{sweep_id}/cancel",
    operation_id="cancel_sweep",
    status_code=202,
    dependencies=[Depends(Needs(Scope.EDITOR))],
    responses=errors(NotFound, Conflict),
)
def cancel_sweep(sweep_id: SweepPath, session: Writing, now: Now) -> Accepted:
    """End a sweep for good. What it found stays."""
    return command.cancel(session, sweep_id, now.now)
