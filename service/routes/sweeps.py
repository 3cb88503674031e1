"""Routes of sweeps."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Response

from service.auth import Scope
from service.errors import (
    Conflict,
    NotFound,
    PreconditionFailed,
    PreconditionRequired,
    TooLarge,
)
from service.operations import command
from service.operations.plan import plan
from service.operations.retry import retry_sweep as retry
from service.operations.settings import etag, patch
from service.operations.submit import submit
from service.queries import SweepQuery
from service.routes.common import (
    API,
    ETAG,
    SPEC_BODY,
    STRING,
    Needs,
    Now,
    Reading,
    SpecBytes,
    SweepPath,
    Writing,
    errors,
    read_json,
)
from service.schemas import Accepted, PatchSweep, Retried, SweepDetail, SweepPage
from service.store import journal, sweep_views, sweeps
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
Match = Annotated[
    str | None,
    Header(
        alias="If-Match",
        max_length=1000,
        description="the ETag of the sweep as it was read, or * for any; without it: 428",
    ),
]
PLACE = {"Location": {"description": "the path of the sweep", "schema": STRING}}


@router.post(
    "",
    operation_id="create_sweep",
    status_code=201,
    dependencies=[Depends(Needs(Scope.EDITOR))],
    responses={
        200: {
            "model": SweepDetail,
            "description": "Made before, with this Idempotency-Key",
            "headers": {**ETAG, **PLACE},
        },
        201: {"headers": {**ETAG, **PLACE}},
        **errors(TooLarge),
    },
    openapi_extra=SPEC_BODY,
)
def create_sweep(
    body: SpecBytes, response: Response, session: Writing, now: Now, key: Key = None
) -> SweepDetail:
    """Submit a sweep. It is QUEUED until an agent of its pool claims it."""
    row, replayed = submit(session, read_json(body), key, now.now)
    response.headers["Location"], response.headers["ETag"] = f"{API}/sweeps/{row.id}", etag(row)
    if replayed:
        response.status_code, response.headers[REPLAY] = 200, "true"
    return sweep_views.detail(session, row, now)


@router.get(
    "",
    operation_id="list_sweeps",
    dependencies=[Depends(Needs(Scope.VIEWER))],
    responses=errors(),
)
def list_sweeps(session: Reading, now: Now, asked: Annotated[SweepQuery, Query()]) -> SweepPage:
    """Sweeps that have all that is asked for, newest first unless sorted otherwise.

    Sweeps that are made between two pages change nothing of the later one.
    """
    rows, following = sweeps.page(session, asked)
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
    responses={200: {"headers": ETAG}, **errors(NotFound)},
)
def get_sweep(sweep_id: SweepPath, response: Response, session: Reading, now: Now) -> SweepDetail:
    """One sweep with its spec. Its ETag changes with its settings, not with its progress."""
    row = sweeps.find(session, sweep_id)
    response.headers["ETag"] = etag(row)
    return sweep_views.detail(session, row, now)


@router.patch(
    "/{sweep_id}",
    operation_id="patch_sweep",
    dependencies=[Depends(Needs(Scope.EDITOR))],
    responses={
        200: {"headers": ETAG},
        **errors(NotFound, Conflict, PreconditionFailed, PreconditionRequired, TooLarge),
    },
)
def patch_sweep(
    sweep_id: SweepPath,
    change: PatchSweep,
    response: Response,
    session: Writing,
    now: Now,
    match: Match = None,
) -> SweepDetail:
    """Change priority, max_parallel or the budget of trials; what is left out stays.

    Of several that change the same revision one wins; the others get 412 and read again.
    max_parallel takes effect with the driver's next renewal, the budget when it journals it.
    """
    row = patch(session, sweep_id, change, match, now.now)
    response.headers["ETag"] = etag(row)
    return sweep_views.detail(session, row, now)


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


@router.post(
    "/{sweep_id}/retry",
    operation_id="retry_sweep",
    status_code=202,
    dependencies=[Depends(Needs(Scope.EDITOR))],
    responses=errors(NotFound, Conflict),
)
def retry_sweep(sweep_id: SweepPath, session: Writing, now: Now) -> Retried:
    """Run all FAILED trials again, from their last checkpoints. A sweep that had ended as DONE or
    FAILED is QUEUED again; a FAILED one also when no trial of it failed."""
    return retry(session, sweep_id, now.now)
