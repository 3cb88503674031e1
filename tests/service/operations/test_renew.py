"""Renewing a lease."""

from __future__ import annotations

import pytest
from service_support import Writer, applied, asked, make_spec, started, take

from service.client import Client
from service.errors import NotFound, StaleLease
from service.schemas import Tracking


def test_commands_are_handed_out_until_they_are_applied(user: Client, agent: Client) -> None:
    sweep = user.create_sweep(make_spec()).id
    take(agent)
    writer = Writer()
    agent.append(sweep, 1, writer.entries(asked(0), started(0)))
    trial = user.list_trials(sweep).items[0]
    given = user.stop_trial(trial.id)
    assert not given.applied
    # Asking twice is asking once.
    assert user.stop_trial(trial.id) == given
    for _ in range(2):
        (command,) = agent.renew(sweep, 1).commands
        assert (command.id, command.kind, command.trial) == (given.id, "stop_trial", 0)
    assert user.get_sweep(sweep).pending == [command]
    agent.append(sweep, 1, writer.entries(applied(command.id, "stop_trial", 0)))
    assert agent.renew(sweep, 1).commands == []
    assert user.stop_trial(trial.id).applied


def test_links_stay_when_a_renewal_brings_none(user: Client, agent: Client) -> None:
    sweep = user.create_sweep(make_spec()).id
    take(agent)
    links = Tracking(url="http://mlflow/#/experiments/1")
    agent.renew(sweep, 1, links)
    agent.renew(sweep, 1)
    assert user.get_sweep(sweep).tracking == links


def test_tokens_that_are_not_the_lease(user: Client, agent: Client) -> None:
    sweep = user.create_sweep(make_spec()).id
    take(agent)
    for token in (0, 2, 2**63 - 1):
        with pytest.raises(StaleLease, match="box holds it"):
            agent.renew(sweep, token)
    agent.release(sweep, 1)
    with pytest.raises(StaleLease, match="nobody holds it"):
        agent.renew(sweep, 1)
    with pytest.raises(NotFound):
        agent.renew("swp_x", 1)
