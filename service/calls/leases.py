"""How agents claim sweeps, and drivers keep them."""

from __future__ import annotations

from service.calls.asking import API, nothing, post, quoted
from service.exchange import Call, read_as
from service.schemas import ClaimRequest, Lease, Renewal, RenewRequest, Tracking


def claim(request: ClaimRequest) -> Call[Lease | None]:
    """The next sweep that this agent can run, or None. Also tells the service of the agent."""
    read = read_as(Lease)
    # Without defaults: a service that is older than this client refuses what it does not know.
    path, body = f"{API}/leases", request.model_dump_json(exclude_defaults=True).encode()
    return Call("POST", path, lambda content: read(content) if content else None, body=body)


def renew(sweep_id: str, token: int, tracking: Tracking | None = None) -> Call[Renewal]:
    """Keep a lease. Raises StaleLease when it is no longer ours."""
    body = RenewRequest(token=token, tracking=tracking)
    return post(Renewal, f"/leases/{quoted(sweep_id)}/renew", body)


def release(sweep_id: str, token: int) -> Call[None]:
    """Give a lease back; a RUNNING sweep may be claimed again at once. Raises StaleLease."""
    path = f"{API}/leases/{quoted(sweep_id)}"
    return Call("DELETE", path, nothing, query={"token": token}, again=True)
