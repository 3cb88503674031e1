"""Giving a lease back."""

from __future__ import annotations

import pytest
from service_support import Writer, applied, asked, make_spec, started, take

from service.client import Client
from service.errors import StaleLease
from sweeps.lifecycle import SweepState, TrialState


def test_a_running_sweep_can_be_claimed_again_at_once(user: Client, agent: Client) -> None:
    sweep = user.create_sweep(make_spec()).id
    take(agent)
    agent.release(sweep, 1)
    # A repeat, whose first answer was lost, changes nothing.
    agent.release(sweep, 1)
    assert user.get_sweep(sweep).state is SweepState.RUNNING
    assert take(agent).token == 2
    with pytest.raises(StaleLease):
        agent.release(sweep, 1)


def test_a_cancelled_sweep_is_closed(user: Client, agent: Client) -> None:
    sweep = user.create_sweep(make_spec()).id
    take(agent)
    agent.append(sweep, 1, Writer().entries(asked(0), started(0), asked(1)))
    assert user.cancel(sweep).state is SweepState.STOPPING
    agent.release(sweep, 1)
    assert user.get_sweep(sweep).state is SweepState.CANCELLED
    assert user.get_sweep(sweep).trials == {TrialState.STOPPED: 2}


def test_a_resume_that_waited_for_the_driver_to_leave(user: Client, agent: Client) -> None:
    sweep = user.create_sweep(make_spec()).id
    take(agent)
    pause = user.pause(sweep)
    assert user.resume(sweep).applied is False
    agent.append(sweep, 1, Writer().entries(applied(str(pause.id), "pause")))
    assert user.get_sweep(sweep).state is SweepState.PAUSED
    agent.release(sweep, 1)
    found = user.get_sweep(sweep)
    assert (found.state, found.pending) == (SweepState.QUEUED, [])
