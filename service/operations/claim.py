"""Claim: an agent takes the sweep of its pool that waits and goes first."""

from __future__ import annotations

import json

from sqlalchemy.orm import Session

from service.clock import Terms
from service.operations import expire, moves
from service.schemas import ClaimRequest, Lease
from service.store import agents, commands, leases
from service.store.sweep_views import shares, tracking
from sweeps.lifecycle import SweepState


def claim(session: Session, request: ClaimRequest, terms: Terms) -> Lease | None:
    """A lease on the first sweep that `request` can run, None when there is none.

    None too while the agent drives as many sweeps as it has slots: another would get no slot. None
    for an agent that leaves, which is forgotten.
    A sweep that it still drives is not given to it again, so that after an outage it does not end
    its own healthy driver.
    """
    if request.leaving:
        agents.forget(session, request.pool, request.agent)
        return None
    # Sweeps are locked before agents, here as in `renew`: the other way round two could wait for
    # each other.
    expire.close_abandoned(session, terms.now)
    agents.saw(session, request, terms.now)
    agent, pool, driving = request.agent, request.pool, request.driving
    if leases.count_driven(session, agent, pool, driving, terms.now) >= request.slots:
        return None
    sweep = leases.claim(session, agent, pool, request.recipes, terms.now, terms.until, driving)
    if sweep is None:
        return None
    if sweep.state == SweepState.QUEUED:
        message = f"Driven by agent {request.agent!r}."
        moves.move(session, sweep, SweepState.RUNNING, terms.now, message)
    sweep.claimed_commands = commands.newest(session, sweep.id)
    session.flush()
    slots = shares(agents.every(session), leases.live(session, terms.now))
    return Lease(
        sweep=sweep.id,
        spec=json.loads(sweep.spec),
        state=SweepState(sweep.state),
        token=sweep.lease_token,
        slots=slots[sweep.id],
        max_parallel=sweep.max_parallel,
        expires_in=terms.lease_seconds,
        renew_every=terms.renew_seconds,
        commands=[commands.view(row) for row in commands.waiting(session, [sweep.id])],
        tracking=tracking(sweep),
    )
