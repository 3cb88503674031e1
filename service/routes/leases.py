"""Routes of leases, for agents and drivers."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response

from service.auth import Scope
from service.errors import Conflict, NotFound, TooLarge
from service.operations.claim import claim
from service.operations.release import release
from service.operations.renew import renew
from service.routes.common import API, Needs, Now, SweepPath, Writing, errors
from service.schemas import ClaimRequest, Lease, Renewal, RenewRequest

router = APIRouter(prefix=f"{API}/leases", tags=["leases"])


@router.post(
    "",
    operation_id="claim_sweep",
    dependencies=[Depends(Needs(Scope.AGENT))],
    response_model=Lease,
    responses={204: {"description": "Nothing waits for this agent"}, **errors(TooLarge)},
)
def claim_sweep(request: ClaimRequest, session: Writing, now: Now) -> Any:
    """Lease the first sweep of the pool that this agent can run: of the highest priority, and of
    equal ones the oldest."""
    lease = claim(session, request, now)
    return Response(status_code=204) if lease is None else lease


@router.post(
    "/{sweep_id}/renew",
    operation_id="renew_lease",
    dependencies=[Depends(Needs(Scope.AGENT))],
    responses=errors(NotFound, Conflict, TooLarge),
)
def renew_lease(sweep_id: SweepPath, request: RenewRequest, session: Writing, now: Now) -> Renewal:
    """Keep a lease; the answer tells the slots and what users asked for."""
    return renew(session, sweep_id, request, now)


@router.delete(
    "/{sweep_id}",
    operation_id="release_lease",
    status_code=204,
    dependencies=[Depends(Needs(Scope.AGENT))],
    responses=errors(NotFound, Conflict),
)
def release_lease(
    sweep_id: SweepPath,
    token: Annotated[int, Query(ge=0, lt=2**63)],
    session: Writing,
    now: Now,
) -> None:
    """Give a lease back."""
    release(session, sweep_id, token, now.now)
