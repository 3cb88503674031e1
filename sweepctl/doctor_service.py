"""What `doctor` asks the service: itself, its database and clock, agents, and sweeps that stand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

from service.client import Client
from service.errors import Forbidden, NotFound, ServiceError, Unauthenticated, Unavailable
from service.schemas import Agent, Pool, PoolList, Sweep
from sweepctl.about import own_version
from sweepctl.checkup import Check
from sweepctl.probes import clock_ahead
from sweepctl.settings import Target
from sweeps.lifecycle import SWEEP_ENDS, SweepState

SKEW_SECONDS = 10.0
# An agent that vanished longer ago than this is taken for one that nobody misses.
MISSED = timedelta(days=1)
# Lines for sweeps, and marks that are looked up: more would hide the rest.
_MANY = 20


def answers(client: Client, target: Target) -> Iterator[Check]:
    """The service, its version, database and clock. Raises ServiceError when it does not answer."""
    theirs = client.health().version
    yield Check("service", f"{target.server} (from {target.origin})")
    mine = own_version()
    yield Check(
        "version",
        f"service {theirs}, sweepctl {mine}",
        "" if theirs == mine else f"pip install sweepctl=={theirs}, or upgrade the service",
    )
    try:
        yield Check("database", client.ready().status)
    except Unavailable as error:
        yield Check("database", error.detail, _database_mend(error.detail))
    yield from _clock(target)


def _database_mend(found: str) -> str:
    if "does not answer" in found:
        return "start the database; the service reads its address from SWEEP_DATABASE_URL"
    if "newer" in found:
        return "install the version of sweepctl that migrated it, and start the service again"
    return "run `python -m service.migrate` on the service's machine"


def _clock(target: Target) -> Iterator[Check]:
    ahead = clock_ahead(f"{target.server}/healthz")
    if ahead is None:
        return
    if abs(ahead) < SKEW_SECONDS:
        yield Check("clock", "agrees with the service's")
        return
    way = "ahead of" if ahead > 0 else "behind"
    found = f"the service's is {abs(ahead):.0f} s {way} this machine's"
    yield Check("clock", found, "set both by NTP; `timedatectl` tells whether it is on")


def inside(client: Client, kept: Path | None) -> Iterator[Check]:
    """What the token opens: pools with their agents, sweeps that stand, and what `kept`, the
    storage of this machine's agent, still owes to MLflow."""
    try:
        found = client.pools()
    except (Unauthenticated, Forbidden) as error:
        yield Check("token", error.detail, "set SWEEPCTL_TOKEN, or --token")
        return
    except ServiceError as error:
        yield Check("token", error.detail, "read the service's log")
        return
    yield Check("token", "accepted")
    try:
        yield from _pools(found, client.health().version)
        yield from _sweeps(client, found.items)
        yield from _unfinished(client, kept)
    except ServiceError as error:
        yield Check("sweeps", error.detail, "read the service's log")


# ---------------------------------------------------------------- agents


def _pools(found: PoolList, version: str) -> Iterator[Check]:
    if not any(pool.agents for pool in found.items):
        yield Check("agents", "none has called yet", "sweepctl up, or python -m workers.agent")
    for pool in found.items:
        yield _pool(pool)
        for agent in pool.agents:
            yield from _agent(pool, agent, version)


def _pool(pool: Pool) -> Check:
    alive = [agent for agent in pool.agents if agent.alive]
    told = f"{len(alive)} of {len(pool.agents)} agents alive, {pool.slots} slots"
    waits = sum(n for state, n in pool.sweeps.items() if state not in SWEEP_ENDS)
    if alive or not (waits or any(_missed(agent) for agent in pool.agents)):
        return Check(f"pool {pool.name}", told)
    more = f"; {waits} sweeps are not at their end" if waits else ""
    return Check(f"pool {pool.name}", told + more, f"start an agent with SWEEP_POOL={pool.name}")


def _agent(pool: Pool, agent: Agent, version: str) -> Iterator[Check]:
    """Another version, or silence that nobody on its machine has ended since."""
    name = f"agent {agent.name}"
    if agent.alive and agent.version not in ("", version):
        yield Check(
            name,
            f"is {agent.version}, the service {version}",
            f"pip install sweepctl=={version} on its machine, and restart it",
        )
    elif not agent.alive and _missed(agent):
        heirs = [one for one in pool.agents if one.alive and _machine(one) == _machine(agent)]
        if not heirs:
            yield Check(
                name,
                f"silent since {agent.seen_at:%Y-%m-%d %H:%M:%S} UTC, in pool {pool.name}",
                f"restart it on {_machine(agent)}, or look why it cannot reach the service",
            )


def _missed(agent: Agent) -> bool:
    """It vanished, and not long ago. One that ended in good order is not listed."""
    return not agent.alive and datetime.now(UTC) - agent.seen_at < MISSED


def _machine(agent: Agent) -> str:
    """An agent is named after its host, its process and a few random letters."""
    return agent.name.rsplit("-", 2)[0]


# ---------------------------------------------------------------- sweeps


def _sweeps(client: Client, pools: Sequence[Pool]) -> Iterator[Check]:
    """One line for each sweep that does not move although it should."""
    open_ones = client.every_sweep([SweepState.QUEUED, SweepState.RUNNING])
    stands = (one for one in open_ones if not one.driven)
    here = {pool.name: pool for pool in pools}
    for sweep in islice(stands, _MANY):
        mend = _sweep_mend(sweep, here.get(sweep.pool))
        yield Check(f"sweep {sweep.name}", f"{sweep.state} ({sweep.id}): {sweep.message}", mend)


def _sweep_mend(sweep: Sweep, pool: Pool | None) -> str:
    """What to do, "" when it only waits for its turn."""
    alive = [agent for agent in pool.agents if agent.alive] if pool else []
    if not alive:
        return f"start an agent with SWEEP_POOL={sweep.pool}"
    if not any(sweep.recipe in agent.recipes for agent in alive):
        return f"give an agent of its pool SWEEP_RECIPES={sweep.recipe}=MODULE:FUNCTION"
    if sweep.state == SweepState.RUNNING:
        log = f"SWEEP_STORAGE/sweeps/{sweep.id}/driver.log"
        return f"an agent takes it within a minute; if none does, read {log} where it ran"
    return ""


def _unfinished(client: Client, kept: Path | None) -> Iterator[Check]:
    """Sweeps that have ended, and that MLflow has not got whole."""
    if kept is None:
        return
    try:
        marks = sorted(path.name for path in (kept / "unfinished").iterdir())
    except OSError:
        return
    owed = [name for name in marks[:_MANY] if _ended(client, name)]
    if owed:
        yield Check(
            "unfinished",
            f"{len(owed)} ended sweeps are not whole in MLflow yet: {', '.join(owed)}",
            f"an agent with SWEEP_STORAGE={kept} and an MLflow that answers bring them there; "
            f"see {kept / 'shipping.log'}",
        )


def _ended(client: Client, sweep_id: str) -> bool:
    try:
        return client.get_sweep(sweep_id).state in SWEEP_ENDS
    except NotFound:
        # Of another service, or of a database that was restored.
        return False
