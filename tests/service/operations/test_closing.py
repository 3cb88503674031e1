"""What the service closes by itself: the journal still tells the whole story."""

from __future__ import annotations

import pytest
from service_support import Writer, applied, asked, ended, make_report, make_spec, reported, started
from service_support import take as claim

from service.client import Client
from service.errors import StaleLease
from sweeps.journal import fold
from sweeps.lifecycle import AttemptEnd, SweepState, TrialState


def busy(user: Client, agent: Client) -> str:
    """A sweep with a trial in every open state, under token 1."""
    sweep = user.create_sweep(make_spec()).id
    claim(agent)
    lines = Writer().entries(
        *(asked(number) for number in range(4)),
        *(started(number) for number in range(3)),
        reported(0, make_report(2)),
        ended(1, AttemptEnd.PAUSED),
        ended(2),
    )
    agent.append(sweep, 1, lines)
    return sweep


def test_cancel_without_a_driver_ends_everything(user: Client, agent: Client) -> None:
    sweep = busy(user, agent)
    agent.release(sweep, 1)
    answer = user.cancel(sweep)
    assert (answer.state, answer.applied) == (SweepState.CANCELLED, True)
    assert user.get_sweep(sweep).trials == {TrialState.STOPPED: 3, TrialState.DONE: 1}
    assert {trial.reason for trial in user.every_trial(sweep, "STOPPED")} == {"user"}
    # The journal folds to the same states, so result and export agree.
    entries = list(user.entries(sweep))
    assert [entry.body.type for entry in entries[-2:]] == ["command_applied", "attempt_ended"]
    story = fold(entries)
    assert story.cancelled
    states = [record.state for record in story.trials.values()]
    assert states == [trial.state for trial in user.every_trial(sweep)]
    assert story.trials[0].attempts[0].samples == 128
    assert user.result(sweep).counts["STOPPED"] == 3
    with pytest.raises(StaleLease):
        agent.append(sweep, 1, Writer(len(entries)).entries(asked(4)))


def test_a_cancel_that_was_journalled_is_not_journalled_twice(user: Client, agent: Client) -> None:
    sweep = busy(user, agent)
    command = user.cancel(sweep)
    seq = user.get_sweep(sweep).journal_seq
    agent.append(sweep, 1, Writer(seq).entries(applied(str(command.id), "cancel")))
    agent.release(sweep, 1)
    kinds = [entry.body.type for entry in user.entries(sweep)]
    assert kinds.count("command_applied") == 1
    assert kinds[-1] == "attempt_ended"
    assert user.get_sweep(sweep).state is SweepState.CANCELLED


def test_a_driver_closes_a_cancelled_sweep_itself(user: Client, agent: Client) -> None:
    sweep = busy(user, agent)
    command = user.cancel(sweep)
    writer = Writer(user.get_sweep(sweep).journal_seq)
    stopped = ended(0, AttemptEnd.STOPPED, stop_reason="user", samples=128)
    agent.append(sweep, 1, writer.entries(applied(str(command.id), "cancel"), stopped))
    found = agent.finish(sweep, 1, "CANCELLED", "Cancelled by the user: 1 DONE, 3 STOPPED")
    assert found.trials == {TrialState.STOPPED: 3, TrialState.DONE: 1}
    assert user.get_sweep(sweep).journal_seq == writer.seq


def test_a_sweep_that_never_ran_has_an_empty_journal(user: Client) -> None:
    sweep = user.create_sweep(make_spec()).id
    user.cancel(sweep)
    assert list(user.entries(sweep)) == []
