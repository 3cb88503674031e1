"""Renew: a driver keeps its lease and hears what changed."""

from __future__ import annotations

from sqlalchemy.orm import Session

from service.clock import Terms
from service.schemas import Renewal, RenewRequest
from service.store import agents, commands, leases
from service.store.sweep_views import shares


def renew(session: Session, sweep_id: str, request: RenewRequest, terms: Terms) -> Renewal:
    """Extend the lease; the answer holds the slots and the commands not yet applied.

    Raises NotFound, StaleLease.
    """
    sweep = leases.held(session, sweep_id, request.token)
    sweep.lease_expires_at = terms.until
    if request.tracking is not None:
        sweep.tracking = request.tracking.model_dump_json()
    agents.heard(session, sweep.pool, sweep.lease_agent or "", terms.now)
    session.flush()
    slots = shares(agents.every(session), leases.live(session, terms.now))
    return Renewal(
        slots=slots[sweep.id],
        max_parallel=sweep.max_parallel,
        commands=[commands.view(row) for row in commands.waiting(session, [sweep.id])],
        expires_in=terms.lease_seconds,
        renew_every=terms.renew_seconds,
    )
