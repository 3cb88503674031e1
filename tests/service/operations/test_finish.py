"""How a driver ends its part."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from service_support import (
    AGENT,
    Host,
    Writer,
    applied,
    asked,
    ended,
    hosted,
    make_spec,
    started,
    take,
)

from service.client import Client
from service.clock import Terms
from service.context import Context
from service.errors import IllegalMove, StaleLease
from service.settings import Settings
from sweeps.lifecycle import AttemptEnd, SweepState, TrialState


@pytest.fixture
def sweep(user: Client, agent: Client) -> str:
    """A RUNNING sweep under token 1."""
    made = user.create_sweep(make_spec()).id
    take(agent)
    return made


def test_done_ends_the_lease_and_a_repeat_is_harmless(
    user: Client, agent: Client, sweep: str
) -> None:
    first = agent.finish(sweep, 1, "DONE", "3 DONE")
    assert (first.state, first.message, first.driven) == (SweepState.DONE, "3 DONE", False)
    assert first.ended_at is not None
    assert agent.finish(sweep, 1, "DONE", "3 DONE") == first
    with pytest.raises(StaleLease):
        agent.finish(sweep, 1, "FAILED")
    agent.release(sweep, 1)
    assert user.get_sweep(sweep) == first


def test_the_last_event_is_the_end(user: Client, agent: Client, sweep: str) -> None:
    user.pause(sweep)
    agent.finish(sweep, 1, "DONE")
    events = list(user.events(sweep))
    assert events[-1].data["state"] == "DONE"
    assert events[-2].data == {**events[-2].data, "kind": "pause", "status": "applied"}


def test_done_while_a_cancel_came_is_cancelled(user: Client, agent: Client, sweep: str) -> None:
    user.cancel(sweep)
    assert agent.finish(sweep, 1, "DONE").state is SweepState.CANCELLED


def test_cancelled_needs_a_cancel(agent: Client, sweep: str) -> None:
    with pytest.raises(IllegalMove):
        agent.finish(sweep, 1, "CANCELLED")
    assert agent.renew(sweep, 1).commands == []


def test_paused_without_an_entry(user: Client, agent: Client, sweep: str) -> None:
    found = agent.finish(sweep, 1, "PAUSED")
    assert (found.state, found.message) == (SweepState.PAUSED, "Paused.")
    assert agent.finish(sweep, 1, "PAUSED") == found
    user.resume(sweep)
    assert take(agent).token == 2
    with pytest.raises(StaleLease):
        agent.finish(sweep, 1, "PAUSED")


def test_a_pause_that_the_driver_did_not_journal_took_effect(
    user: Client, agent: Client, sweep: str
) -> None:
    user.pause(sweep)
    assert agent.finish(sweep, 1, "PAUSED").pending == []
    assert user.pause(sweep).applied


def test_paused_while_a_cancel_came_is_closed(user: Client, agent: Client, sweep: str) -> None:
    user.cancel(sweep)
    assert agent.finish(sweep, 1, "PAUSED").state is SweepState.CANCELLED


@pytest.mark.parametrize("resumed", [True, False])
def test_done_after_a_pause_was_applied(
    user: Client, agent: Client, sweep: str, resumed: bool
) -> None:
    pause = user.pause(sweep)
    agent.append(sweep, 1, Writer().entries(applied(str(pause.id), "pause")))
    if resumed:
        user.resume(sweep)
    assert agent.finish(sweep, 1, "DONE").state is SweepState.DONE


def test_failed_leaves_no_attempt_open(user: Client, agent: Client, sweep: str) -> None:
    lines = Writer().entries(asked(0), started(0), asked(1), started(1), ended(1))
    agent.append(sweep, 1, lines)
    assert agent.finish(sweep, 1, "FAILED", "no data").message == "no data"
    assert user.get_sweep(sweep).trials == {TrialState.PENDING: 1, TrialState.DONE: 1}
    last = list(user.entries(sweep))[-1]
    assert last.seq == 6
    assert last.body == ended(0, AttemptEnd.LOST)


def test_other_states_are_refused(agent: Client, sweep: str) -> None:
    with pytest.raises(ValueError, match="state"):
        agent.finish(sweep, 1, "RUNNING")


@pytest.mark.parametrize("end", ["DONE", "FAILED"])
@pytest.mark.parametrize("what", ["retry", "budget"])
def test_what_came_while_the_driver_ended_is_not_lost(
    user: Client, agent: Client, web: httpx.Client, sweep: str, what: str, end: str
) -> None:
    """It was given after the claim, and the driver never heard of it."""
    fails = {"reason": AttemptEnd.FAILED, "gave_up": True, "error": "Boom"}
    agent.append(sweep, 1, Writer().entries(asked(0), started(0), ended(0, **fails)))
    path = f"/api/v1/sweeps/{sweep}"
    if what == "retry":
        assert web.post(f"{path}/retry").status_code == 202
    else:
        answer = web.patch(path, json={"budget": {"trials": 9}}, headers={"If-Match": "*"})
        assert answer.status_code == 200
    for _ in range(2):
        found = agent.finish(sweep, 1, end)
        assert (found.state, found.driven, len(found.pending)) == (SweepState.RUNNING, False, 1)
    lease = take(agent)
    assert (lease.token, len(lease.commands)) == (2, 1)
    # This one had its chance: a driver that always ends so does not go round for ever.
    assert agent.finish(sweep, 2, end).state == end


class Astray(Context):
    """A replica whose clock is an hour from the others'; which way, its subclasses say."""

    hours = 0

    def terms(self) -> Terms:
        right = super().terms()
        return replace(right, now=right.now + timedelta(hours=self.hours))


class Early(Astray):
    hours = -1


class Late(Astray):
    hours = 1


@pytest.fixture(params=[Early, Late])
def astray(settings: Settings, request: pytest.FixtureRequest) -> Iterator[Host]:
    """A second service over the same database, whose clock is wrong."""
    with hosted(settings) as found:
        found.app.state.context = request.param(**vars(found.app.state.context))
        yield found


@pytest.mark.parametrize("wrong", ["the claim", "the retry"])
def test_what_is_new_to_a_driver_is_told_without_a_clock(
    host: Host, astray: Host, wrong: str
) -> None:
    """Claimed at one replica and retried at the other: of the two, one has the wrong clock."""
    claims, gives = (astray, host) if wrong == "the claim" else (host, astray)
    with gives.client() as user, claims.client(AGENT) as agent:
        made = user.create_sweep(make_spec()).id
        take(agent)
        fails = {"reason": AttemptEnd.FAILED, "gave_up": True, "error": "Boom"}
        agent.append(made, 1, Writer().entries(asked(0), started(0), ended(0, **fails)))
        user.retry_sweep(made)
        found = agent.finish(made, 1, "DONE")
        assert (found.state, len(found.pending)) == (SweepState.RUNNING, 1)
        assert take(agent).token == 2
        # It waited at this claim, so it had its chance.
        assert agent.finish(made, 2, "DONE").state is SweepState.DONE
