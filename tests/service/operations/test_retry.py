"""What failed runs again: in a sweep under way, and in one that had ended."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from service_support import Writer, applied, asked, ended, make_spec, started, take

from service.client import Client
from sweeps.journal import Body
from sweeps.lifecycle import AttemptEnd, SweepState, TrialState

API = "/api/v1"
FAILS = {"reason": AttemptEnd.FAILED, "gave_up": True, "error": "Boom"}


def failing(trial: int) -> list[Body]:
    return [asked(trial), started(trial), ended(trial, **FAILS)]


@pytest.fixture
def writer() -> Writer:
    """The journal of `sweep`."""
    return Writer()


@pytest.fixture
def sweep(user: Client, agent: Client, writer: Writer) -> str:
    """RUNNING under token 1: trials 0 and 2 FAILED, 1 DONE."""
    made = user.create_sweep(make_spec()).id
    take(agent)
    bodies = [*failing(0), asked(1), started(1), ended(1), *failing(2)]
    agent.append(made, 1, writer.entries(*bodies))
    return made


def retry(web: httpx.Client, path: str) -> httpx.Response:
    return web.post(f"{API}/{path}/retry")


def trial_ids(user: Client, sweep: str) -> list[str]:
    return [trial.id for trial in user.every_trial(sweep)]


def test_a_trial_of_a_sweep_under_way(
    web: httpx.Client, user: Client, agent: Client, sweep: str, writer: Writer
) -> None:
    failed, done, _ = trial_ids(user, sweep)
    answer = retry(web, f"trials/{failed}")
    assert (answer.status_code, answer.json()["applied"]) == (202, False)
    # Once more is the same.
    assert retry(web, f"trials/{failed}").json() == answer.json()
    assert retry(web, f"trials/{done}").status_code == 409
    (command,) = agent.renew(sweep, 1).commands
    assert (command.id, command.kind, command.trial) == (answer.json()["id"], "retry_trial", 0)
    agent.append(sweep, 1, writer.entries(applied(command.id, "retry_trial", 0)))
    shown = user.get_trial(failed)
    assert (shown.state, shown.reason, shown.attempts) == (TrialState.PENDING, None, 1)
    assert retry(web, f"trials/{failed}").status_code == 409
    # It may fail and be retried again, with a command of its own.
    agent.append(sweep, 1, writer.entries(started(0, 2), ended(0, attempt=2, **FAILS)))
    assert retry(web, f"trials/{failed}").json()["id"] != command.id


@pytest.mark.parametrize("end", ["DONE", "FAILED"])
def test_a_sweep_that_had_ended_goes_on(
    web: httpx.Client, user: Client, agent: Client, sweep: str, writer: Writer, end: str
) -> None:
    agent.finish(sweep, 1, end, "over")
    last = list(user.events(sweep))[-1]
    assert last.last
    answer = retry(web, f"sweeps/{sweep}").json()
    assert (answer["trials"], answer["state"], answer["applied"]) == ([0, 2], "QUEUED", False)
    found = user.get_sweep(sweep)
    assert (found.state, found.ended_at, len(found.pending)) == (SweepState.QUEUED, None, 2)
    lease = take(agent)
    assert (lease.sweep, lease.token) == (sweep, 2)
    assert [(one.kind, one.trial) for one in lease.commands] == [
        ("retry_trial", 0),
        ("retry_trial", 2),
    ]
    for one in lease.commands:
        again = [started(one.trial or 0, 2), ended(one.trial or 0, attempt=2)]
        agent.append(sweep, 2, writer.entries(applied(one.id, "retry_trial", one.trial), *again))
    assert agent.finish(sweep, 2, "DONE", "now it is").trials == {TrialState.DONE: 3}
    assert user.get_sweep(sweep).ended_at is not None
    # Who had seen the end hears of the rest; who reads all meets one end.
    whole = list(user.events(sweep))
    assert [event.last for event in whole].count(True) == 1
    assert whole[-1].last
    assert list(user.events(sweep, last.id)) == whole[last.id :]
    states = [event.data["state"] for event in whole if event.type == "sweep"]
    assert states == ["QUEUED", "RUNNING", end, "QUEUED", "RUNNING", "DONE"]


def test_one_trial_of_a_sweep_that_had_ended(
    web: httpx.Client, user: Client, agent: Client, sweep: str
) -> None:
    agent.finish(sweep, 1, "DONE")
    failed = trial_ids(user, sweep)[2]
    assert retry(web, f"trials/{failed}").json()["state"] == "QUEUED"
    # The other one joins it.
    answer = retry(web, f"sweeps/{sweep}").json()
    assert (answer["trials"], len(user.get_sweep(sweep).pending)) == ([0, 2], 2)
    # It may be paused, resumed and cancelled as any other.
    assert user.pause(sweep).state is SweepState.PAUSED
    assert user.resume(sweep).state is SweepState.QUEUED
    assert user.cancel(sweep).state is SweepState.CANCELLED
    assert user.get_sweep(sweep).pending == []


def test_a_paused_sweep_keeps_it_in_the_inbox(
    web: httpx.Client, user: Client, agent: Client, sweep: str
) -> None:
    agent.finish(sweep, 1, "PAUSED")
    assert retry(web, f"sweeps/{sweep}").json()["state"] == "PAUSED"
    user.resume(sweep)
    assert [one.trial for one in take(agent).commands] == [0, 2]


def test_what_cannot_be_retried(web: httpx.Client, user: Client, agent: Client, sweep: str) -> None:
    failed = trial_ids(user, sweep)[0]
    user.cancel(sweep)
    for state in ("STOPPING", "CANCELLED"):
        for path in (f"sweeps/{sweep}", f"trials/{failed}"):
            answer = retry(web, path)
            assert (answer.status_code, answer.json()["state"]) == (409, state)
        agent.finish(sweep, 1, "CANCELLED") if state == "STOPPING" else None
    for path in ("sweeps/swp_x", "trials/trl_x"):
        assert retry(web, path).status_code == 404


@pytest.mark.parametrize(
    ("end", "status"), [(None, 409), ("DONE", 409), ("PAUSED", 409), ("FAILED", 202)]
)
def test_a_sweep_that_failed_before_any_trial_did(
    web: httpx.Client, user: Client, agent: Client, end: Any, status: int
) -> None:
    """Its data were not there, say. Now they are."""
    made = user.create_sweep(make_spec()).id
    take(agent)
    if end is not None:
        agent.finish(made, 1, end)
    answer = retry(web, f"sweeps/{made}")
    assert answer.status_code == status
    if status == 202:
        assert (answer.json()["id"], answer.json()["trials"]) == (None, [])
        assert take(agent).token == 2


def test_a_stop_given_before_a_retry_does_not_stand_in_for_a_new_one(
    web: httpx.Client, user: Client, agent: Client, writer: Writer
) -> None:
    """The first stop was applied when the trial had failed: it stopped nothing."""
    made = user.create_sweep(make_spec()).id
    take(agent)
    agent.append(made, 1, writer.entries(asked(0), started(0)))
    (trial,) = trial_ids(user, made)
    stop = user.stop_trial(trial)
    agent.append(made, 1, writer.entries(ended(0, **FAILS)))
    agent.append(made, 1, writer.entries(applied(str(stop.id), "stop_trial", 0)))
    given = retry(web, f"trials/{trial}").json()["id"]
    agent.append(made, 1, writer.entries(applied(given, "retry_trial", 0), started(0, 2)))
    again = user.stop_trial(trial)
    assert (again.applied, again.id != stop.id) == (False, True)
    assert user.stop_trial(trial) == again
