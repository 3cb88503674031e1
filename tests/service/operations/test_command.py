"""What users may ask of a sweep in each state, with a driver and without."""

from __future__ import annotations

from typing import Any

import pytest
from service_support import Writer, applied, asked, ended, make_spec, started, take

from service.client import Client
from service.errors import IllegalMove, NotFound
from sweeps.lifecycle import AttemptEnd, SweepState, TrialState

QUEUED, RUNNING, PAUSED = SweepState.QUEUED, SweepState.RUNNING, SweepState.PAUSED
STOPPING, CANCELLED, DONE = SweepState.STOPPING, SweepState.CANCELLED, SweepState.DONE


def sweep_in(state: str, user: Client, agent: Client) -> str:
    """A sweep in this state; RUNNING, STOPPING and "leaving" have a driver."""
    sweep = user.create_sweep(make_spec()).id
    if state == "QUEUED":
        return sweep
    if state == "PAUSED":
        user.pause(sweep)
        return sweep
    take(agent)
    if state == "leaving":
        pause = user.pause(sweep)
        agent.append(sweep, 1, Writer().entries(applied(str(pause.id), "pause")))
    if state in ("STOPPING", "CANCELLED"):
        user.cancel(sweep)
    if state in ("DONE", "FAILED", "CANCELLED"):
        agent.finish(sweep, 1, state)
    return sweep


@pytest.mark.parametrize(
    ("state", "verb", "after", "applied_now"),
    [
        ("QUEUED", "pause", PAUSED, True),
        ("QUEUED", "resume", QUEUED, True),
        ("QUEUED", "cancel", CANCELLED, True),
        ("RUNNING", "pause", RUNNING, False),
        ("RUNNING", "resume", RUNNING, True),
        ("RUNNING", "cancel", STOPPING, False),
        ("PAUSED", "pause", PAUSED, True),
        ("PAUSED", "resume", QUEUED, True),
        ("PAUSED", "cancel", CANCELLED, True),
        ("leaving", "pause", PAUSED, True),
        ("leaving", "resume", QUEUED, True),
        ("leaving", "cancel", STOPPING, False),
        ("STOPPING", "pause", None, None),
        ("STOPPING", "resume", None, None),
        ("STOPPING", "cancel", STOPPING, False),
        ("CANCELLED", "pause", None, None),
        ("CANCELLED", "resume", None, None),
        ("CANCELLED", "cancel", CANCELLED, True),
        ("DONE", "pause", None, None),
        ("DONE", "resume", None, None),
        ("DONE", "cancel", None, None),
        ("FAILED", "cancel", None, None),
        ("FAILED", "resume", None, None),
    ],
)
def test_verbs_by_state(
    user: Client, agent: Client, state: str, verb: str, after: Any, applied_now: Any
) -> None:
    sweep = sweep_in(state, user, agent)
    call = getattr(user, verb)
    if after is None:
        before = user.get_sweep(sweep)
        with pytest.raises(IllegalMove) as refused:
            call(sweep)
        assert refused.value.extra["state"] == before.state
        assert user.get_sweep(sweep) == before
        return
    answer = call(sweep)
    assert (answer.state, answer.applied) == (after, applied_now)
    assert user.get_sweep(sweep).state is after
    # Once more is harmless.
    count = user.get_sweep(sweep).pending
    again = call(sweep)
    assert (again.state, again.applied) == (after, applied_now)
    assert user.get_sweep(sweep).pending == count


def test_what_is_possible_is_told(user: Client, agent: Client) -> None:
    sweep = sweep_in("STOPPING", user, agent)
    with pytest.raises(IllegalMove, match="a sweep that is STOPPING cannot become PAUSED") as told:
        user.pause(sweep)
    assert told.value.extra["possible"] == ["CANCELLED", "FAILED"]


def test_pause_and_resume_pass_through_the_journal(user: Client, agent: Client) -> None:
    sweep = user.create_sweep(make_spec()).id
    take(agent)
    pause, resume = user.pause(sweep), user.resume(sweep)
    handed = agent.renew(sweep, 1).commands
    assert [command.id for command in handed] == [pause.id, resume.id]
    writer = Writer()
    agent.append(sweep, 1, writer.entries(applied(handed[0].id, "pause")))
    assert user.get_sweep(sweep).state is PAUSED
    # The driver has not left yet, and takes the sweep up again.
    agent.append(sweep, 1, writer.entries(applied(handed[1].id, "resume")))
    found = user.get_sweep(sweep)
    assert (found.state, found.driven, found.pending) == (RUNNING, True, [])


def test_a_pause_taken_back_and_given_again(user: Client, agent: Client) -> None:
    sweep = sweep_in("RUNNING", user, agent)
    first, _, third = user.pause(sweep), user.resume(sweep), user.pause(sweep)
    assert first.id != third.id
    assert user.pause(sweep) == third
    assert [command.kind for command in agent.renew(sweep, 1).commands] == [
        "pause",
        "resume",
        "pause",
    ]


def test_a_sweep_resumed_while_its_driver_leaves_is_claimed_after_it(
    user: Client, agent: Client
) -> None:
    sweep = sweep_in("leaving", user, agent)
    assert user.resume(sweep).state is QUEUED
    offer = {"agent": "second"}
    with pytest.raises(AssertionError):
        take(agent, **offer)
    agent.finish(sweep, 1, "PAUSED")
    assert user.get_sweep(sweep).state is QUEUED
    assert take(agent, **offer).sweep == sweep
    user.pause(sweep)


def test_a_queued_sweep_with_a_leaving_driver_can_be_cancelled(user: Client, agent: Client) -> None:
    sweep = sweep_in("leaving", user, agent)
    user.resume(sweep)
    assert user.cancel(sweep).state is CANCELLED


def test_stopping_trials(user: Client, agent: Client) -> None:
    sweep = user.create_sweep(make_spec()).id
    take(agent)
    writer = Writer()
    stopped = ended(1, AttemptEnd.STOPPED, stop_reason="user")
    agent.append(
        sweep,
        1,
        writer.entries(asked(0), started(0), ended(0), asked(1), started(1), stopped, asked(2)),
    )
    done, gone, waiting = user.every_trial(sweep)
    with pytest.raises(IllegalMove, match="nothing to stop"):
        user.stop_trial(done.id)
    assert user.stop_trial(gone.id).applied
    assert user.stop_trial(gone.id).id is None
    given = user.stop_trial(waiting.id)
    agent.append(sweep, 1, writer.entries(applied(str(given.id), "stop_trial", 2)))
    assert user.get_trial(waiting.id).state is TrialState.STOPPED
    assert user.why(waiting.id).message == "A user stopped it."
    agent.append(sweep, 1, writer.entries(asked(3)))
    left = user.list_trials(sweep, state="PENDING").items[0]
    agent.finish(sweep, 1, "FAILED", "gone")
    with pytest.raises(IllegalMove):
        user.stop_trial(left.id)
    with pytest.raises(NotFound):
        user.stop_trial("trl_" + "0" * 32)
