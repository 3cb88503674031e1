"""The kinds of faults: whom they hit, that the target was in use, and the proof that they hit."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.chaos import seen
from tests.chaos.parts import Part, refusal
from tests.chaos.world import World
from workers.book import read_spool
from workers.lease import LOST_LEASE

GONE_SECONDS = 20.0


@dataclass(frozen=True)
class Target:
    """Somebody in use: `use` says by whom. `strike` does it and returns the proof, "" when it
    did not hit."""

    name: str
    use: str
    strike: Callable[[], str]


# Who trains, among whom to aim.
Busy = Sequence[seen.Training]
Aim = Callable[[World, random.Random, Busy], Target | None]


def aim_service(world: World, draw: random.Random, busy: Busy) -> Target | None:
    """The service, while a sweep is driven and trained."""
    return _server(world, world.service, busy, _away(world, draw, 0.5, 6.0))


def aim_mlflow(world: World, draw: random.Random, busy: Busy) -> Target | None:
    """MLflow, while trials have something to tell it."""
    return _server(world, world.mlflow, busy, _away(world, draw, 0.5, 12.0))


def aim_postgres(world: World, draw: random.Random, busy: Busy) -> Target | None:
    """PostgreSQL, stopped in one of two ways, while a sweep is driven through the service."""
    use = _used(world, busy)
    if not use or not world.service.answers() or world.database_refusal():
        return None
    mode, pause = draw.choice(["fast", "immediate"]), _away(world, draw, 0.5, 6.0)

    def strike() -> str:
        world.database.stop(mode)
        world.database_due = time.monotonic() + pause
        return world.database_refusal()

    return Target(f"postgres (stop -m {mode}, {pause:.1f} s)", use, strike)


def aim_driver(world: World, draw: random.Random, busy: Busy) -> Target | None:
    """A driver whose trials train."""
    driven = [(one, use) for one in world.driving() if (use := _used(world, busy, one.sweep))]
    if not driven:
        return None
    driver, use = draw.choice(driven)
    return Target(f"driver {driver.pid}", use, lambda: _killed(driver.pid))


def aim_agent(world: World, draw: random.Random, busy: Busy) -> Target | None:
    """An agent whose driver has trials that train."""
    parents = {one.parent: one.sweep for one in world.driving()}
    serving = [
        (agent, use)
        for agent in [*world.agents, *world.dividing]
        if agent.alive()
        and agent.pid in parents
        and (use := _used(world, busy, parents[agent.pid]))
    ]
    if not serving:
        return None
    agent, use = draw.choice(serving)
    pause = _away(world, draw, 0.5, 5.0)
    return Target(f"{agent.name} {agent.pid}", use, lambda: _dead(agent, pause))


def aim_worker(world: World, draw: random.Random, busy: Busy) -> Target | None:
    """The process that trains a trial."""
    if not busy:
        return None
    chosen = draw.choice(busy)
    return Target(f"worker {chosen.pid}", str(chosen), lambda: _killed(chosen.pid))


def aim_rank(world: World, draw: random.Random, busy: Busy) -> Target | None:
    """One of the processes that divide a trial among them."""
    ranks = world.ranks()
    # The first of them writes for all.
    use = ", ".join(str(one) for one in busy if one.pid in ranks)
    if not use or len(ranks) < 2:
        return None
    chosen = draw.choice(ranks)
    return Target(f"rank {chosen} of {len(ranks)}", use, lambda: _killed(chosen))


def aim_node(world: World, draw: random.Random, busy: Busy) -> Target | None:
    """A Ray node on which a trial trains, while the other one lives."""
    if not all(node.alive() for node in world.nodes):
        return None
    above = [(one, seen.ancestors(one.pid)) for one in busy]
    used = [(node, str(one)) for node in world.nodes for one, line in above if node.pid in line]
    if not used:
        return None
    node, use = draw.choice(used)
    pause = _away(world, draw, 1.0, 6.0)

    def strike() -> str:
        pids = [pid for pid in seen.marked(world.mark) if node.pid in seen.ancestors(pid)]
        node.kill_all()
        node.due = time.monotonic() + pause
        return _gone([node.pid, *pids])

    return Target(f"{node.name} {node.pid}", use, strike)


def aim_frozen(world: World, draw: random.Random, busy: Busy) -> Target | None:
    """A driver, stopped until another has its sweep, then let go on: it must end by itself.

    Only where two agents serve the pool: one that takes its own sweep again ends the driver."""
    parents = [agent.pid for agent in world.agents if agent.alive()]
    driven = [
        (one, use)
        for one in world.driving()
        if one.parent in parents and (use := _used(world, busy, one.sweep))
    ]
    ready = len(parents) == len(world.agents) and world.service.answers()
    if not driven or not ready or len({one.sweep for one, _ in driven}) < len(driven):
        return None
    driver, use = draw.choice(driven)
    return Target(f"driver {driver.pid} (SIGSTOP)", use, lambda: freeze(world, driver))


def freeze(world: World, driver: seen.Driving) -> str:
    """Stop a driver until another has its sweep, then let it go on.

    Returns how it ended, by its agent's log. Raises AssertionError when it does not end by itself
    with LOST_LEASE, or when the service's journal holds an entry that its heir did not write.
    """
    words = f"the driver of {driver.sweep} ended with code {LOST_LEASE}"
    before = world.agent_said(words)
    os.kill(driver.pid, signal.SIGSTOP)
    try:
        world.wait(lambda: seen.state(driver.pid) == "T", 5, "the driver did not stop")
        world.wait(lambda: bool(_others(world, driver)), 60, "no other driver took over")
        heir = _others(world, driver)[0]
    finally:
        os.kill(driver.pid, signal.SIGCONT)
    proof = _gone([driver.pid], world)
    world.wait(lambda: world.agent_said(words) > before, 10, f"no agent said: {words}")
    stored = [entry.model_dump_json() for entry in world.client.entries(driver.sweep)]
    spool = world.folder / "storage" / "sweeps" / driver.sweep / "journal.jsonl"
    mine = [entry.model_dump_json() for entry in read_spool(spool)]
    assert stored == mine[: len(stored)], f"the stale driver {driver.pid} wrote into the journal"
    return f"{proof}: code {LOST_LEASE}, after {heir.pid} had taken over"


AIMS: dict[str, Aim] = {
    "service": aim_service,
    "driver": aim_driver,
    "agent": aim_agent,
    "worker": aim_worker,
    "rank": aim_rank,
    "mlflow": aim_mlflow,
    "postgres": aim_postgres,
    "node": aim_node,
    "frozen": aim_frozen,
}


def _away(world: World, draw: random.Random, shortest: float, longest: float) -> float:
    """For how many seconds a part that was ended stays away."""
    return draw.uniform(shortest, longest) * world.outage


def _used(world: World, busy: Busy, sweep: str | None = None) -> str:
    """Those who train under a living driver, "" when there are none."""
    driven = {one.sweep for one in world.driving() if sweep in (None, one.sweep)}
    return ", ".join(str(one) for one in busy if one.sweep in driven)


def _server(world: World, part: Part, busy: Busy, pause: float) -> Target | None:
    use = _used(world, busy)
    if not use or not part.answers():
        return None
    return Target(f"{part.name} {part.pid} ({pause:.1f} s)", use, lambda: _dead(part, pause))


def _dead(part: Part, pause: float) -> str:
    pid = part.pid
    part.kill()
    part.due = time.monotonic() + pause
    proof = _gone([pid])
    if part.port is None or not proof:
        return proof
    # Its children die with it, but not at the same instant.
    deadline = time.monotonic() + GONE_SECONDS
    while not (told := refusal(part.port)):
        if time.monotonic() > deadline:
            return ""
        time.sleep(0.02)
    return f"{proof}, {told}"


def _killed(pid: int) -> str:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return ""
    return _gone([pid])


def _gone(pids: list[int], world: World | None = None) -> str:
    """Wait until none of them is there; "" when that does not come true."""
    began = time.monotonic()
    while any(seen.alive(pid) for pid in pids):
        if time.monotonic() > began + GONE_SECONDS:
            return ""
        if world is not None:
            world.tend()
        time.sleep(0.02)
    told = " ".join(str(pid) for pid in pids)
    return f"gone after {time.monotonic() - began:.2f} s: {told}"


def _others(world: World, driver: seen.Driving) -> list[seen.Driving]:
    return [one for one in world.driving() if one.sweep == driver.sweep and one.pid != driver.pid]
