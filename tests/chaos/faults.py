"""The kinds of faults: whom they hit, that the target was in use, and the proof that they hit."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
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


Aim = Callable[[World, random.Random], Target | None]


def aim_service(world: World, draw: random.Random) -> Target | None:
    """The service, while a sweep is driven and trained."""
    return _server(world, world.service, draw.uniform(0.5, 6.0))


def aim_mlflow(world: World, draw: random.Random) -> Target | None:
    """MLflow, while trials have something to tell it."""
    return _server(world, world.mlflow, draw.uniform(0.5, 12.0))


def aim_postgres(world: World, draw: random.Random) -> Target | None:
    """PostgreSQL, stopped in one of two ways, while a sweep is driven through the service."""
    use = _used(world)
    if not use or not world.service.answers() or world.database_refusal():
        return None
    mode, pause = draw.choice(["fast", "immediate"]), draw.uniform(0.5, 6.0)

    def strike() -> str:
        world.database.stop(mode)
        world.database_due = time.monotonic() + pause
        return world.database_refusal()

    return Target(f"postgres (stop -m {mode}, {pause:.1f} s)", use, strike)


def aim_driver(world: World, draw: random.Random) -> Target | None:
    """A driver whose trials train."""
    busy = [(one, use) for one in world.driving() if (use := _used(world, one.sweep))]
    if not busy:
        return None
    driver, use = draw.choice(busy)
    return Target(f"driver {driver.pid}", use, lambda: _killed(driver.pid))


def aim_agent(world: World, draw: random.Random) -> Target | None:
    """An agent whose driver has trials that train."""
    parents = {one.parent: one.sweep for one in world.driving()}
    busy = [
        (agent, use)
        for agent in world.agents
        if agent.alive() and agent.pid in parents and (use := _used(world, parents[agent.pid]))
    ]
    if not busy:
        return None
    agent, use = draw.choice(busy)
    pause = draw.uniform(0.5, 5.0)
    return Target(f"{agent.name} {agent.pid}", use, lambda: _dead(agent, pause))


def aim_worker(world: World, draw: random.Random) -> Target | None:
    """The process that trains a trial."""
    busy = world.training()
    if not busy:
        return None
    chosen = draw.choice(busy)
    return Target(f"worker {chosen.pid}", str(chosen), lambda: _killed(chosen.pid))


def aim_node(world: World, draw: random.Random) -> Target | None:
    """A Ray node on which a trial trains, while the other one lives."""
    if not all(node.alive() for node in world.nodes):
        return None
    above = [(one, seen.ancestors(one.pid)) for one in world.training()]
    busy = [(node, str(one)) for node in world.nodes for one, line in above if node.pid in line]
    if not busy:
        return None
    node, use = draw.choice(busy)
    pause = draw.uniform(1.0, 6.0)

    def strike() -> str:
        pids = [pid for pid in seen.marked(world.mark) if node.pid in seen.ancestors(pid)]
        node.kill_all()
        node.due = time.monotonic() + pause
        return _gone([node.pid, *pids])

    return Target(f"{node.name} {node.pid}", use, strike)


def aim_frozen(world: World, draw: random.Random) -> Target | None:
    """A driver, stopped until another has its sweep, then let go on: it must end by itself."""
    parents = [agent.pid for agent in world.agents if agent.alive()]
    busy = [
        (one, use)
        for one in world.driving()
        if one.parent in parents and (use := _used(world, one.sweep))
    ]
    ready = len(parents) == len(world.agents) and world.service.answers()
    if not busy or not ready or len({one.sweep for one, _ in busy}) < len(busy):
        return None
    driver, use = draw.choice(busy)
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
    "mlflow": aim_mlflow,
    "postgres": aim_postgres,
    "node": aim_node,
    "frozen": aim_frozen,
}


def _used(world: World, sweep: str | None = None) -> str:
    """The trials that train now under a living driver, "" when there are none."""
    driven = {one.sweep for one in world.driving() if sweep in (None, one.sweep)}
    return ", ".join(str(one) for one in world.training() if one.sweep in driven)


def _server(world: World, part: Part, pause: float) -> Target | None:
    use = _used(world)
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
