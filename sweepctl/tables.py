"""Tables of sweeps, trials and pools."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from service.schemas import Pool, Sweep, Trial
from sweepctl import text
from sweepctl.output import table
from sweeps.trial import Role


def sweeps(items: Sequence[Sweep], wide: bool) -> Table:
    """One row a sweep."""
    more = ("project", "pool", "priority", "slots", "metric") if wide else ()
    made = table("id", "name", "state", "trials", "age", *more, "message")
    for item in items:
        figures = [str(item.priority), str(item.slots), metric(item)]
        extra = [item.project, item.pool, *figures] if wide else []
        made.add_row(
            item.id if wide else text.short(item.id),
            item.name,
            item.state.value,
            text.states(item.trials),
            text.age(item.created_at),
            *extra,
            item.message or "-",
        )
    return made


def metric(item: Sweep) -> str:
    """`eval_loss, minimize`."""
    return f"{item.metric.name}, {item.metric.goal}"


def trials(items: Sequence[Trial], metric_name: str, wide: bool) -> Table:
    """One row a trial; the parameters have a column each, and so has the role where they differ."""
    names = list(dict.fromkeys(name for item in items for name in item.params))
    more = ("id", "seed", "attempts", "point") if wide else ()
    roles = ("role",) if wide or any(item.role is not Role.SEARCH for item in items) else ()
    signals = ("samples", "loss", "grad_norm", metric_name)
    made = table("trial", "state", *roles, *names, *signals, *more, "reason")
    for item in items:
        point = "-" if item.point is None else str(item.point)
        extra = [item.id, str(item.seed), str(item.attempts), point]
        made.add_row(
            str(item.number),
            item.state.value,
            *([item.role.value] if roles else []),
            *(text.parameter(item.params.get(name, "-")) for name in names),
            text.count(item.samples),
            text.number(item.loss),
            text.number(item.grad_norm),
            text.number(item.value),
            *(extra if wide else []),
            text.reason(item.reason),
        )
    return made


def pools(items: Sequence[Pool], wide: bool) -> Table:
    """One row a pool; wide: one row an agent."""
    if not wide:
        made = table("pool", "slots", "agents", "devices", "sweeps")
        for pool in items:
            alive = [agent for agent in pool.agents if agent.alive]
            kinds = sorted({agent.device_kind for agent in alive})
            made.add_row(
                pool.name,
                str(pool.slots),
                f"{len(alive)}/{len(pool.agents)} alive",
                ", ".join(kinds) or "-",
                text.states(pool.sweeps),
            )
        return made
    made = table("pool", "agent", "alive", "slots", "device", "recipes", "version", "seen")
    for pool in items:
        for agent in pool.agents:
            made.add_row(
                pool.name,
                agent.name,
                "yes" if agent.alive else "no",
                str(agent.slots),
                agent.device_kind,
                ", ".join(agent.recipes),
                agent.version,
                text.age(agent.seen_at),
            )
        if not pool.agents:
            made.add_row(pool.name, "-", "no", "0", "-", "-", "-", "-")
    return made
