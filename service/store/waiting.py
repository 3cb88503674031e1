"""Why a sweep waits for a driver, in one sentence. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from service.clock import stamp
from service.store.tables import AgentRow, SweepRow


def why_waiting(
    sweep: SweepRow, agents: Sequence[AgentRow], live: Sequence[SweepRow], alive_since: datetime
) -> str:
    """What stands in the way of `sweep`. `agents` are all there are, `live` all leased sweeps."""
    pool = f"pool {sweep.pool!r}"
    here = [agent for agent in agents if agent.pool == sweep.pool]
    if not here:
        others = sorted({agent.pool for agent in agents})
        known = f"Pools with agents: {', '.join(others)}." if others else "No agent has called yet."
        return f"No agent serves {pool}. {known}"
    alive = [agent for agent in here if agent.seen_at > alive_since]
    if not alive:
        last = max(agent.seen_at for agent in here)
        return f"The agents of {pool} have been silent since {stamp(last)}."
    able = [agent for agent in alive if sweep.recipe in json.loads(agent.recipes)]
    if not able:
        offered = sorted({name for agent in alive for name in json.loads(agent.recipes)})
        return f"No agent of {pool} offers recipe {sweep.recipe!r}. Offered: {', '.join(offered)}."
    return _turn(sweep, able, live)


def _turn(sweep: SweepRow, able: Sequence[AgentRow], live: Sequence[SweepRow]) -> str:
    names = {agent.name for agent in able}
    slots = sum(agent.slots for agent in able)
    driven = sum(row.pool == sweep.pool and row.lease_agent in names for row in live)
    if driven >= slots:
        return f"All {slots} slots of pool {sweep.pool!r} are taken, by {driven} sweeps."
    return f"It waits for its turn: an agent of pool {sweep.pool!r} will claim it."
