"""The claim statement and what counts as held."""

from __future__ import annotations

from datetime import timedelta

import pytest
from service_support import make_spec
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from service.clock import now
from service.errors import StaleLease
from service.operations import moves
from service.operations.submit import submit
from service.store import leases
from service.store.tables import SweepRow
from sweeps.lifecycle import SWEEP_ENDS, SweepState

NOW = now()
UNTIL = NOW + timedelta(seconds=30)


def take(session: Session, agent: str = "a") -> SweepRow | None:
    return leases.claim(session, agent, "default", ["toy"], NOW, UNTIL)


@pytest.mark.parametrize("state", list(SweepState))
@pytest.mark.parametrize("lease", ["none", "live", "expired"])
def test_what_may_be_claimed(session: Session, state: SweepState, lease: str) -> None:
    sweep, _ = submit(session, make_spec(), None, NOW)
    sweep.state = state
    if lease != "none":
        late = timedelta(seconds=1 if lease == "live" else 0)
        sweep.lease_agent, sweep.lease_token = "old", 7
        sweep.lease_expires_at = NOW + late
    session.flush()
    found = take(session)
    free = lease != "live" and state in (SweepState.QUEUED, SweepState.RUNNING)
    assert (found is not None) == free
    if found is not None:
        assert found is sweep
        assert (found.lease_agent, found.lease_expires_at) == ("a", UNTIL)
        assert found.lease_token == (1 if lease == "none" else 8)
        # The state is for `moves` to change.
        assert found.state == state
        assert take(session, "b") is None
    stopping = state is SweepState.STOPPING and lease != "live"
    assert leases.abandoned(session, NOW) == ([sweep.id] if stopping else [])
    assert state in SWEEP_ENDS or leases.is_live(sweep, NOW) == (free or lease == "live")


def test_the_highest_priority_goes_first_and_of_equals_the_oldest(session: Session) -> None:
    order = [3, 0, 4, 2, 1]
    priorities = {0: 5, 1: 0, 2: 0, 3: 100, 4: -100}
    made = {}
    for age, number in enumerate([0, 2, 1, 3, 4]):
        spec = make_spec(resources={"pool": "default", "priority": priorities[number]})
        made[number] = submit(session, spec, None, NOW + timedelta(seconds=age))[0]
    # A user changed his mind about one of them.
    made[4].priority = 1
    session.flush()
    claimed = [take(session) for _ in order]
    assert claimed == [made[number] for number in order]
    assert take(session) is None


def test_held_and_released(session: Session) -> None:
    sweep, _ = submit(session, make_spec(), None, NOW)
    with pytest.raises(StaleLease, match="nobody holds it"):
        leases.held(session, sweep.id, 0)
    take(session)
    moves.move(session, sweep, SweepState.RUNNING, NOW, "")
    assert leases.held(session, sweep.id, 1) is sweep
    assert not leases.released(sweep, 1)
    assert leases.live(session, NOW) == [sweep]
    leases.drop(sweep)
    session.flush()
    assert leases.released(sweep, 1)
    assert leases.live(session, NOW) == []
    for stale in (leases.released, lambda row, token: leases.held(session, row.id, token)):
        with pytest.raises(StaleLease):
            stale(sweep, 2)


def test_what_is_driven_is_not_claimed_but_counts(session: Session) -> None:
    sweep, _ = submit(session, make_spec(), None, NOW)
    take(session)
    later, until = UNTIL, UNTIL + timedelta(seconds=30)

    def count(agent: str, *driving: str) -> int:
        return leases.count_driven(session, agent, "default", driving, later)

    assert (count("a"), count("a", sweep.id), count("b", sweep.id)) == (0, 1, 0)
    assert leases.count_driven(session, "a", "default", [], NOW) == 1
    assert leases.count_driven(session, "a", "other", [], NOW) == 0
    offer = ("default", ["toy"], later, until)
    assert leases.claim(session, "a", *offer, [sweep.id]) is None
    assert leases.claim(session, "b", *offer, ["swp_of_another"]) is sweep
    assert (count("a", sweep.id), count("b")) == (0, 1)


def test_the_claim_is_one_statement_that_postgresql_knows() -> None:
    statement = leases.claim_statement(SweepRow.pool == "p", "a", UNTIL)
    text = str(statement.compile(dialect=postgresql.dialect()))
    assert text.startswith("UPDATE sweeps SET")
    assert "FOR UPDATE SKIP LOCKED" in text
    assert "RETURNING" in text
