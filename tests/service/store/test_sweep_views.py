"""What users see of sweeps and pools depends on agents and leases at that moment."""

from __future__ import annotations

from datetime import timedelta

import pytest
from service_support import make_offer, make_spec
from sqlalchemy.orm import Session

from service.clock import Terms, now
from service.operations import command
from service.operations.claim import claim
from service.operations.submit import submit
from service.queries import SweepQuery
from service.store import agents, sweep_views, sweeps
from sweeps.lifecycle import SweepState

START = now()
TERMS = Terms(START, 30, 5)
LATER = Terms(START + timedelta(seconds=31), 30, 5)


def test_summaries(session: Session) -> None:
    spec = make_spec("named")
    spec["metadata"]["labels"] = {"team": "nlp"}
    ids = [submit(session, spec, None, START + timedelta(microseconds=n))[0].id for n in range(3)]
    assert claim(session, make_offer(slots=1), TERMS)
    command.pause(session, ids[0], START)
    command.pause(session, ids[2], START)
    rows = [sweeps.find(session, sweep) for sweep in ids]
    running, queued, paused = sweep_views.summaries(session, rows, TERMS)
    assert (running.labels, running.driven, running.slots) == ({"team": "nlp"}, True, 1)
    assert [one.kind for one in running.pending] == ["pause"]
    assert running.message == "Driven by agent 'box'."
    assert queued.message == "All 1 slots of pool 'default' are taken, by 1 sweeps."
    assert (paused.message, paused.driven, paused.slots) == ("Paused by a user.", False, 0)
    running, queued, _ = sweep_views.summaries(session, rows, LATER)
    assert not running.driven
    assert running.message.startswith("Its driver is gone; the next one goes on where it was.")
    assert "have been silent since" in queued.message
    assert sweep_views.detail(session, rows[0], TERMS).spec["metadata"]["name"] == "named"


def test_an_agent_that_never_claimed_shares_one_slot(session: Session) -> None:
    submit(session, make_spec(), None, START)
    assert claim(session, make_offer(), TERMS)
    assert list(sweep_views.shares([], [sweeps.page(session, SweepQuery(limit=1))[0][0]]).values())


@pytest.mark.parametrize(
    ("per_trial", "cap", "slots"),
    [(None, 3, 3), (2.0, 3, 6), (0.25, 3, 1), (0.25, 5, 2), (2.0, None, 8), (2.0, 2**62, 8)],
)
def test_a_limit_of_trials_is_a_limit_of_devices(
    session: Session, per_trial: float | None, cap: int | None, slots: int
) -> None:
    submit(session, make_spec(), None, START)
    assert claim(session, make_offer(slots=8), TERMS)
    row = sweeps.page(session, SweepQuery())[0][0]
    row.slots_per_trial, row.max_parallel = per_trial, cap
    session.flush()
    (shown,) = sweep_views.summaries(session, [row], TERMS)
    assert (shown.slots, shown.max_parallel) == (slots, cap)


def test_pools(session: Session) -> None:
    agents.saw(session, make_offer(agent="one", pool="b", slots=2), START)
    agents.saw(session, make_offer(agent="two", pool="b", slots=3), START)
    agents.saw(session, make_offer(agent="two", pool="b", slots=4), LATER.now)
    submit(session, make_spec(pool="a"), None, START)
    first, second = sweep_views.pools(session, LATER).items
    assert (first.name, first.slots, first.agents) == ("a", 0, [])
    assert first.sweeps == {SweepState.QUEUED: 1}
    # The silent agent's slots do not count.
    assert (second.name, second.slots, second.sweeps) == ("b", 4, {})
    assert [(one.name, one.alive, one.slots) for one in second.agents] == [
        ("one", False, 2),
        ("two", True, 4),
    ]
