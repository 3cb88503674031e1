"""Settings under optimistic locking, over real HTTP."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from service_support import (
    USER,
    Host,
    Writer,
    applied,
    asked,
    make_offer,
    make_spec,
    take,
)

from service.client import Client
from sweeps.journal import CommandApplied

PATH = "/api/v1/sweeps"
RESOURCES = {"pool": "default", "max_parallel": 2, "priority": 7}


@pytest.fixture
def sweep(user: Client) -> str:
    """QUEUED, at revision 1."""
    return user.create_sweep(make_spec(resources=RESOURCES, budget={"trials": 3})).id


def patch(web: httpx.Client, sweep: str, match: str | None, **change: Any) -> httpx.Response:
    headers = {} if match is None else {"If-Match": match}
    return web.patch(f"{PATH}/{sweep}", json=change, headers=headers)


def settings_of(body: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(body[k] for k in ("revision", "priority", "max_parallel", "budget_trials"))


def test_what_is_given_changes_and_the_rest_stays(web: httpx.Client, sweep: str) -> None:
    shown = web.get(f"{PATH}/{sweep}")
    assert (shown.headers["etag"], settings_of(shown.json())) == ('"1"', (1, 7, 2, 3))
    steps: list[tuple[dict[str, Any], tuple[Any, ...]]] = [
        ({"priority": 0}, (2, 0, 2, 3)),
        ({"max_parallel": None}, (3, 0, None, 3)),
        ({"max_parallel": 5, "budget": {"trials": 9}}, (4, 0, 5, 9)),
        # What changes nothing is no new revision, and no command.
        ({"max_parallel": 5, "priority": 0, "budget": {"trials": 9}}, (4, 0, 5, 9)),
    ]
    for change, after in steps:
        answer = patch(web, sweep, shown.headers["etag"], **change)
        assert (answer.status_code, settings_of(answer.json())) == (200, after)
        assert answer.headers["etag"] == f'"{after[0]}"'
        shown = web.get(f"{PATH}/{sweep}")
        assert shown.headers["etag"] == answer.headers["etag"]
    (command,) = shown.json()["pending"]
    assert (command["kind"], command["trials"]) == ("set_budget", 9)
    # The spec stays as it was submitted.
    assert shown.json()["spec"]["spec"]["resources"]["max_parallel"] == 2
    assert shown.json()["spec"]["spec"]["budget"] == {"trials": 3}


def test_progress_is_no_revision(web: httpx.Client, agent: Client, sweep: str) -> None:
    take(agent)
    agent.append(sweep, 1, Writer().entries(asked(0)))
    assert patch(web, sweep, '"1"', priority=1).status_code == 200


@pytest.mark.parametrize(
    ("match", "status"),
    [
        *(('"1"', 200), ("*", 200), ('"9" ,"1"', 200), ('"9", W/"1", "1"', 200)),
        *((None, 428), ('"2"', 412), ('"0", "2"', 412), ('W/"1"', 412), ('""', 412)),
        *(("1", 400), ('"1', 400), ("", 400), ('"1" "2"', 400), ("*, *", 400)),
    ],
)
def test_if_match(web: httpx.Client, sweep: str, match: str | None, status: int) -> None:
    answer = patch(web, sweep, match, priority=1)
    assert answer.status_code == status
    problem = answer.json()
    if status == 412:
        assert problem["revision"] == 1
        assert problem["type"].endswith("precondition-failed")
    if status == 428:
        assert problem["type"].endswith("precondition-required")
        assert "If-Match" in problem["detail"]
    assert (web.get(f"{PATH}/{sweep}").json()["priority"] == 1) == (status == 200)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({}, ""),
        ({"priority": None}, "/priority"),
        ({"priority": 101}, "/priority"),
        ({"priority": "high"}, "/priority"),
        # Python would take these for numbers.
        ({"priority": True}, "/priority"),
        ({"priority": "7"}, "/priority"),
        ({"max_parallel": True}, "/max_parallel"),
        ({"budget": {"trials": True}}, "/budget/trials"),
        ({"max_parallel": 0}, "/max_parallel"),
        ({"max_parallel": 2**63}, "/max_parallel"),
        ({"budget": None}, "/budget"),
        ({"budget": {}}, "/budget/trials"),
        ({"budget": {"trials": 0}}, "/budget/trials"),
        ({"budget": {"gpu_hours": 1, "trials": 4}}, "/budget/gpu_hours"),
        ({"name": "other"}, "/name"),
    ],
)
def test_a_wrong_change_is_named(
    web: httpx.Client, sweep: str, change: dict[str, Any], place: str
) -> None:
    answer = patch(web, sweep, "*", **change)
    assert answer.status_code == 422
    assert place in [fault["pointer"] for fault in answer.json()["errors"]]
    assert web.get(f"{PATH}/{sweep}").headers["etag"] == '"1"'


def test_of_many_that_change_one_revision_one_wins(host: Host, sweep: str) -> None:
    headers = {"Authorization": f"Bearer {USER}"}

    def race(number: int) -> httpx.Response:
        with httpx.Client(base_url=host.url, headers=headers, timeout=30) as web:
            return patch(web, sweep, '"1"', priority=number, budget={"trials": 10 + number})

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(race, range(8)))
    won = [(n, answer) for n, answer in enumerate(answers) if answer.status_code == 200]
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 7
    ((number, winner),) = won
    shown = httpx.get(f"{host.url}{PATH}/{sweep}", headers=headers).json()
    assert settings_of(shown) == settings_of(winner.json()) == (2, number, 2, 10 + number)
    assert [one["trials"] for one in shown["pending"]] == [10 + number]
    assert {a.json()["revision"] for a in answers if a.status_code == 412} == {2}


def test_those_who_read_again_all_get_through(host: Host, sweep: str) -> None:
    """Eight clients each raise the priority by one: nothing is lost."""
    headers = {"Authorization": f"Bearer {USER}"}

    def raise_it(_: int) -> None:
        with httpx.Client(base_url=host.url, headers=headers, timeout=30) as web:
            for _ in range(200):
                shown = web.get(f"{PATH}/{sweep}")
                more = shown.json()["priority"] + 1
                answer = patch(web, sweep, shown.headers["etag"], priority=more)
                if answer.status_code == 200:
                    return
                assert answer.status_code == 412
        raise AssertionError("it never got through")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(raise_it, range(8)))
    shown = httpx.get(f"{host.url}{PATH}/{sweep}", headers=headers).json()
    assert (shown["priority"], shown["revision"]) == (7 + 8, 1 + 8)


def test_a_budget_waits_for_the_next_driver(
    web: httpx.Client, user: Client, agent: Client, sweep: str
) -> None:
    user.pause(sweep)
    assert patch(web, sweep, "*", budget={"trials": 5}).status_code == 200
    user.resume(sweep)
    assert patch(web, sweep, "*", budget={"trials": 8}).status_code == 200
    lease = take(agent)
    assert [(one.kind, one.trials) for one in lease.commands] == [
        ("set_budget", 5),
        ("set_budget", 8),
    ]
    writer = Writer()
    for one in lease.commands:
        body = CommandApplied(command=one.id, kind="set_budget", trials=one.trials)
        agent.append(sweep, 1, writer.entries(body))
    found = user.get_sweep(sweep)
    assert (found.pending, found.budget_trials, found.revision) == ([], 8, 3)


def test_a_budget_below_what_was_asked(web: httpx.Client, agent: Client, sweep: str) -> None:
    take(agent)
    agent.append(sweep, 1, Writer().entries(asked(0), asked(1)))
    answer = patch(web, sweep, "*", budget={"trials": 1}, priority=1)
    assert (answer.status_code, answer.json()["asked"]) == (409, 2)
    assert answer.json()["errors"][0]["pointer"] == "/budget/trials"
    assert settings_of(web.get(f"{PATH}/{sweep}").json()) == (1, 7, 2, 3)
    assert patch(web, sweep, "*", budget={"trials": 2}).status_code == 200


def test_max_parallel_takes_effect_with_the_next_renewal(
    web: httpx.Client, agent: Client, sweep: str
) -> None:
    lease = take(agent, slots=8)
    assert (lease.slots, lease.max_parallel) == (2, 2)
    for limit, slots in ((5, 5), (1, 1), (None, 8), (50, 8)):
        assert patch(web, sweep, "*", max_parallel=limit).status_code == 200
        renewal = agent.renew(sweep, 1)
        assert (renewal.slots, renewal.max_parallel) == (slots, limit)


def test_what_one_sweep_may_not_use_goes_to_the_others(
    web: httpx.Client, user: Client, agent: Client, sweep: str
) -> None:
    other = user.create_sweep(make_spec("other")).id
    take(agent, slots=8)
    take(agent, slots=8)
    assert (agent.renew(sweep, 1).slots, agent.renew(other, 1).slots) == (2, 6)
    patch(web, sweep, "*", max_parallel=None)
    assert (agent.renew(sweep, 1).slots, agent.renew(other, 1).slots) == (4, 4)


def test_a_raised_priority_is_claimed_first(
    web: httpx.Client, user: Client, agent: Client, sweep: str
) -> None:
    late = user.create_sweep(make_spec("late")).id
    later = user.create_sweep(make_spec("later")).id
    patch(web, later, "*", priority=8)
    patch(web, sweep, "*", priority=-1)
    assert [take(agent).sweep for _ in range(3)] == [later, late, sweep]
    assert agent.claim(make_offer()) is None


@pytest.mark.parametrize("state", ["DONE", "FAILED", "CANCELLED", "STOPPING"])
def test_what_has_ended_has_no_settings(
    web: httpx.Client, user: Client, agent: Client, sweep: str, state: str
) -> None:
    take(agent)
    if state in ("CANCELLED", "STOPPING"):
        command = user.cancel(sweep)
        agent.append(sweep, 1, Writer().entries(applied(str(command.id), "cancel")))
    if state != "STOPPING":
        agent.finish(sweep, 1, state)
    answer = patch(web, sweep, "*", priority=1)
    assert (answer.status_code, answer.json()["state"]) == (409, state)


def test_no_such_sweep(web: httpx.Client) -> None:
    assert patch(web, "swp_x", '"1"', priority=1).status_code == 404
