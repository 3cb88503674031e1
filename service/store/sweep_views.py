"""Sweep rows -> what users see. What depends on agents and leases is worked out on each read."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy.orm import Session

from service.clock import Terms
from service.schemas import Command, Pool, PoolList, Sweep, SweepDetail, Tracking
from service.sharing import share_slots
from service.store import agents, commands, leases, sweeps
from service.store.tables import AgentRow, SweepRow
from service.store.waiting import why_waiting
from sweeps.lifecycle import SweepState
from sweeps.spec import Metric


class Scene:
    """The agents and the leased sweeps as they are now."""

    def __init__(self, session: Session, terms: Terms) -> None:
        self.terms = terms
        self.agents = agents.every(session)
        self.live = leases.live(session, terms.now)
        self.slots = shares(self.agents, self.live)

    def message(self, row: SweepRow) -> str:
        """What is stored, or for a sweep without a driver why it has none."""
        if row.state == SweepState.QUEUED:
            return why_waiting(row, self.agents, self.live, self.terms.alive_since)
        if row.state == SweepState.RUNNING and not leases.is_live(row, self.terms.now):
            waits = why_waiting(row, self.agents, self.live, self.terms.alive_since)
            return f"Its driver is gone; the next one goes on where it was. {waits}"
        return row.message


def shares(offers: Sequence[AgentRow], live: Sequence[SweepRow]) -> dict[str, int]:
    """Slots of each leased sweep: every agent divides its own. `live` is oldest first."""
    total = {(agent.pool, agent.name): agent.slots for agent in offers}
    driven: dict[tuple[str, str], list[SweepRow]] = defaultdict(list)
    for row in live:
        driven[row.pool, row.lease_agent or ""].append(row)
    return {
        row.id: slots
        for place, rows in driven.items()
        for row, slots in zip(
            rows, share_slots(total.get(place, 1), [_cap(row) for row in rows]), strict=True
        )
    }


def _cap(row: SweepRow) -> int | None:
    """The slots that a sweep can use: its max_parallel counts trials, a slot is a device."""
    if row.max_parallel is None:
        return None
    return max(1, math.ceil(row.max_parallel * (row.slots_per_trial or 1.0)))


def summaries(session: Session, rows: Sequence[SweepRow], terms: Terms) -> list[Sweep]:
    """The sweeps of one page."""
    scene = Scene(session, terms)
    ids = [row.id for row in rows]
    counts = sweeps.trial_counts(session, ids)
    inbox: dict[str, list[Command]] = defaultdict(list)
    for command in commands.waiting(session, ids):
        inbox[command.sweep_id].append(commands.view(command))
    return [
        Sweep(
            id=row.id,
            name=row.name,
            project=row.project,
            labels=json.loads(row.spec)["metadata"]["labels"],
            state=SweepState(row.state),
            message=scene.message(row),
            pool=row.pool,
            recipe=row.recipe,
            metric=Metric.model_validate_json(row.metric),
            trials=counts[row.id],
            pending=inbox[row.id],
            driven=leases.is_live(row, terms.now),
            slots=scene.slots.get(row.id, 0),
            revision=row.revision,
            priority=row.priority,
            max_parallel=row.max_parallel,
            budget_trials=row.budget_trials,
            tracking=tracking(row),
            created_at=row.created_at,
            updated_at=row.updated_at,
            started_at=row.started_at,
            ended_at=row.ended_at,
        )
        for row in rows
    ]


def detail(session: Session, row: SweepRow, terms: Terms) -> SweepDetail:
    """One sweep with its spec."""
    summary = summaries(session, [row], terms)[0]
    return SweepDetail(**dict(summary), spec=json.loads(row.spec), journal_seq=row.journal_seq)


def tracking(row: SweepRow) -> Tracking | None:
    """The sweep's MLflow links, once a driver has told them."""
    return None if row.tracking is None else Tracking.model_validate_json(row.tracking)


def pools(session: Session, terms: Terms) -> PoolList:
    """Every pool that an agent serves or a sweep asks for, by name."""
    offers = [(row.pool, agents.view(row, terms.alive_since)) for row in agents.every(session)]
    counts: dict[str, dict[SweepState, int]] = defaultdict(dict)
    for pool, state, count in sweeps.by_state(session):
        counts[pool][state] = count
    names = sorted({pool for pool, _ in offers} | set(counts))
    items = []
    for name in names:
        here = [agent for pool, agent in offers if pool == name]
        slots = sum(agent.slots for agent in here if agent.alive)
        items.append(Pool(name=name, slots=slots, agents=here, sweeps=counts[name]))
    return PoolList(items=items)
