"""Claiming: one owner, the oldest first, only what the agent can run."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from pydantic import ValidationError
from service_support import (
    AGENT,
    Host,
    hosted,
    make_offer,
    make_spec,
    take,
    until,
)
from sqlalchemy.orm import Session

from service import calls
from service.client import Client
from service.clock import Terms, now
from service.operations.claim import claim
from service.operations.renew import renew
from service.operations.submit import submit
from service.schemas import RenewRequest
from service.settings import Settings
from service.store.database import Database
from sweeps.lifecycle import SweepState


def test_only_what_fits_the_offer_is_claimed(user: Client, agent: Client) -> None:
    user.create_sweep(make_spec(pool="a100"))
    assert agent.claim(make_offer(pool="default")) is None
    assert agent.claim(make_offer(pool="a100", recipes=["other"])) is None
    lease = take(agent, pool="a100")
    assert lease.state is SweepState.RUNNING
    assert agent.claim(make_offer(agent="second", pool="a100")) is None
    found = user.get_sweep(lease.sweep)
    assert found.started_at is not None
    assert found.driven
    assert "box" in found.message


def test_the_oldest_goes_first_and_slots_are_shared(user: Client, agent: Client) -> None:
    made = [user.create_sweep(make_spec(f"s{number}")).id for number in range(3)]
    assert [take(agent, slots=2).sweep for _ in range(2)] == made[:2]
    # A third would get no slot.
    assert agent.claim(make_offer(slots=2)) is None
    assert "All 2 slots of pool 'default' are taken, by 2 sweeps" in user.get_sweep(made[2]).message
    assert agent.renew(made[0], 1).slots == 1
    assert user.get_sweep(made[1]).slots == 1
    agent.release(made[1], 1)
    assert agent.renew(made[0], 1).slots == 2
    # Another agent has slots of its own.
    assert take(agent, agent="second", slots=2).slots == 2


def test_max_parallel_limits_a_share(user: Client, agent: Client) -> None:
    user.create_sweep(make_spec(resources={"max_parallel": 1}))
    user.create_sweep(make_spec())
    assert [take(agent, slots=8).slots for _ in range(2)] == [1, 7]


def test_two_agents_at_once_have_one_owner(host: Host, user: Client) -> None:
    made = {user.create_sweep(make_spec(f"s{number}")).id for number in range(6)}
    barrier = threading.Barrier(12)

    def work(number: int) -> list[str]:
        with host.client(AGENT, timeout=60) as client:
            barrier.wait()
            got = [client.claim(make_offer(agent=f"a{number}")) for _ in range(2)]
        return [lease.sweep for lease in got if lease is not None]

    with ThreadPoolExecutor(12) as pool:
        won = [sweep for part in pool.map(work, range(12)) for sweep in part]
    assert sorted(won) == sorted(made)


def test_two_processes_on_one_database_have_one_owner(database: Database) -> None:
    """Each thread has an engine of its own, as two replicas would."""
    with database.write() as session:
        for _ in range(4):
            submit(session, make_spec(), None, now())
    url = database.engine.url.render_as_string(hide_password=False)
    barrier = threading.Barrier(6)

    def work(number: int) -> list[str]:
        mine, won = Database(url), []
        barrier.wait()
        for _ in range(3):
            with mine.write() as session:
                lease = claim(session, make_offer(agent=f"a{number}"), Terms(now(), 30, 5))
                won += [lease.sweep] if lease else []
        mine.close()
        return won

    with ThreadPoolExecutor(6) as pool:
        won = [sweep for part in pool.map(work, range(6)) for sweep in part]
    assert len(won) == len(set(won)) == 4


def test_an_expired_lease_is_claimed_with_a_new_token(settings: Settings) -> None:
    brief = {"lease_seconds": 0.3, "renew_seconds": 60}
    with (
        hosted(settings.model_copy(update=brief)) as host,
        host.client() as user,
        host.client(AGENT) as agent,
    ):
        sweep = user.create_sweep(make_spec()).id
        assert take(agent).token == 1
        until(lambda: not user.get_sweep(sweep).driven)
        assert "Its driver is gone" in user.get_sweep(sweep).message
        # Nobody else came: the driver was only late.
        assert agent.renew(sweep, 1).expires_in == 0.3
        until(lambda: not user.get_sweep(sweep).driven)
        lease = take(agent, agent="second")
        assert (lease.sweep, lease.token) == (sweep, 2)
        assert user.get_sweep(sweep).state is SweepState.RUNNING


def test_an_agent_is_not_given_what_its_driver_still_drives(session: Session) -> None:
    """After an outage the lease is over, but the driver lives and renews late."""
    start = now()
    sweep, _ = submit(session, make_spec(), None, start)
    lease = claim(session, make_offer(), Terms(start, 30, 5))
    assert lease is not None
    later = Terms(start + timedelta(seconds=60), 30, 5)
    assert claim(session, make_offer(driving=[sweep.id]), later) is None
    renew(session, sweep.id, RenewRequest(token=lease.token), later)
    # Its driver is dead, or the agent is another: the sweep must go on.
    later = Terms(start + timedelta(seconds=120), 30, 5)
    again = claim(session, make_offer(), later)
    assert again is not None
    assert again.token == 2
    later = Terms(start + timedelta(seconds=180), 30, 5)
    other = claim(session, make_offer(agent="second"), later)
    assert other is not None
    assert other.token == 3


def test_what_an_agent_still_drives_takes_its_slots(session: Session) -> None:
    start = now()
    mine, _ = submit(session, make_spec("mine"), None, start)
    assert claim(session, make_offer(slots=1), Terms(start, 30, 5)) is not None
    new, _ = submit(session, make_spec("new"), None, start + timedelta(seconds=1))
    later = Terms(start + timedelta(seconds=60), 30, 5)
    assert claim(session, make_offer(slots=1, driving=[mine.id]), later) is None
    # Another agent takes it over; the first one has its slot back.
    other = claim(session, make_offer(agent="second", slots=1), later)
    assert other is not None
    assert other.sweep == mine.id
    lease = claim(session, make_offer(slots=1, driving=[mine.id]), later)
    assert lease is not None
    assert lease.sweep == new.id


def test_driving_is_a_list_of_sweep_ids() -> None:
    sweep = "swp_" + "0" * 32
    assert make_offer().driving == []
    assert make_offer(driving=[sweep] * 1000).driving == [sweep] * 1000
    for wrong in ([sweep] * 1001, ["nope"]):
        with pytest.raises(ValidationError):
            make_offer(driving=wrong)


def test_an_agent_that_leaves_gets_nothing_and_is_no_longer_listed(
    user: Client, agent: Client
) -> None:
    agent.claim(make_offer())
    user.create_sweep(make_spec())
    assert agent.claim(make_offer(leaving=True)) is None
    (pool,) = user.pools().items
    assert pool.agents == []
    assert take(agent).token == 1


def test_an_offer_says_only_what_is_not_usual(agent: Client) -> None:
    """So that a service of before `leaving` takes the offers of an agent that knows it."""
    body = calls.claim(make_offer()).body
    assert body is not None
    assert set(json.loads(body)) == {"agent", "pool", "slots", "recipes"}
