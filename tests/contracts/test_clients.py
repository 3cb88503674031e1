"""The two clients: a method for every route, with the same arguments, retries and errors."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from scripted import Blocking, serving
from service_support import (
    AGENT,
    Host,
    Writer,
    asked,
    ended,
    hosted,
    make_offer,
    make_report,
    make_settings,
    make_spec,
    migrated,
    reported,
    started,
    take,
)

from service import calls
from service.aio import AsyncClient
from service.app import create_app
from service.client import Client
from service.errors import (
    BadRequest,
    NotFound,
    PreconditionFailed,
    ServiceError,
    Unauthenticated,
    Unavailable,
    Unreachable,
)
from service.exchange import Call
from service.schemas import ClaimRequest, Tracking

SWEEP, TRIAL = "swp_" + "0" * 32, "trl_" + "0" * 32
EVENT = (
    b'{"id":%d,"type":"sweep","at":"2026-11-20T12:00:00Z","sweep_id":"' + SWEEP.encode() + b'",'
    b'"trial_id":null,"data":{"state":"QUEUED \xe2\x80\xa8"},"last":%s}'
)
AWAY = (503, "text/plain", b"restarting")
EMPTY = (200, "application/json", b'{"items":[]}')

serve = pytest.fixture(serving)


@pytest.fixture(params=[Client, Blocking], ids=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> Any:
    """Each kind of client, used in the same way."""
    return request.param


# ---------------------------------------------------------------- every route has its method

ROUTES = {
    name: function
    for name, function in inspect.getmembers(calls, inspect.isfunction)
    if name in calls.__all__
}
LISTINGS = {"every_sweep", "every_trial", "every_report", "entries"}
GIVEN: dict[str, Any] = {
    **{"sweep_id": SWEEP, "trial_id": TRIAL, "spec": {}, "key": "k", "limit": 7, "cursor": "c"},
    **{"state": "DONE", "project": "p", "pool": "q", "name": "n", "labels": {"team": "nlp"}},
    **{"sort": "name", "revision": 3, "priority": 1, "max_parallel": None, "budget_trials": 9},
    **{"role": "search", "last_event_id": 4, "token": 5, "after": 1, "message": "m"},
    "request": ClaimRequest(agent="a", pool="p", recipes=["r"]),
    "tracking": Tracking(),
    "entries": Writer().entries(asked(0)),
}
DOCUMENT = create_app(make_settings(Path("nowhere"))).openapi()


def described(name: str) -> Call[Any]:
    """The call with every argument given."""
    function = ROUTES[name]
    made: Call[Any] = function(
        **{key: GIVEN[key] for key in inspect.signature(function).parameters}
    )
    return made


def operation(call: Call[Any]) -> dict[str, Any] | None:
    """The part of the OpenAPI document that a call asks for."""
    for path, methods in DOCUMENT["paths"].items():
        here = re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", path), call.path)
        # /sweeps/plan is no sweep
        if here and (path == call.path or "{" in path) and call.method.lower() in methods:
            found: dict[str, Any] = methods[call.method.lower()]
            return found
    return None


def test_every_route_is_a_call() -> None:
    listed = {o["operationId"] for methods in DOCUMENT["paths"].values() for o in methods.values()}
    found = {name: operation(described(name)) for name in ROUTES}
    assert not [name for name, one in found.items() if one is None], "no such route"
    assert {one["operationId"] for one in found.values() if one} == listed


@pytest.mark.parametrize("name", sorted(set(ROUTES) - LISTINGS))
def test_a_call_gives_all_that_its_route_takes(name: str) -> None:
    call = described(name)
    route = operation(call)
    assert route is not None
    taken = {"query": set(), "header": set(), "path": set()}
    for parameter in route.get("parameters", []):
        taken[parameter["in"]].add(parameter["name"])
    assert set(call.query) == taken["query"]
    assert set(call.headers) - {"Accept"} == taken["header"]
    assert (call.body is not None) == ("requestBody" in route)


@pytest.mark.parametrize("name", sorted(set(ROUTES) - LISTINGS - {"append", "watch_sweep"}))
def test_a_call_is_read_as_its_route_answers(name: str) -> None:
    route = operation(described(name))
    assert route is not None
    answers = [content for s, content in route["responses"].items() if s in ("200", "201", "202")]
    schemas = [answer["content"].get("application/json", {}).get("schema") for answer in answers]
    named = {schema["$ref"].rpartition("/")[2] for schema in schemas if "$ref" in (schema or {})}
    (read,) = get_args(get_type_hints(ROUTES[name])["return"])
    names = {one.__name__ for one in get_args(read) or (read,)} - {"NoneType"}
    assert names == named or not named


@pytest.mark.parametrize("name", sorted(ROUTES))
def test_both_clients_have_the_call_as_a_method(name: str) -> None:
    method = "events" if name == "watch_sweep" else name
    one, other = getattr(Client, method), getattr(AsyncClient, method)
    assert inspect.signature(one).parameters == inspect.signature(other).parameters
    assert one.__doc__
    if method != "events":
        assert list(inspect.signature(one).parameters)[1:] == list(
            inspect.signature(ROUTES[name]).parameters
        )


def test_the_clients_have_the_same_public_names() -> None:
    assert {n for n in dir(Client) if n[0] != "_"} == {n for n in dir(AsyncClient) if n[0] != "_"}


# ---------------------------------------------------------------- one service, two clients


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A service."""
    with hosted(migrated(make_settings(tmp_path_factory.mktemp("clients")))) as found:
        yield found


@pytest.fixture
def connect(host: Host, kind: Any) -> Callable[..., Any]:
    """connect(token) -> a client of this kind, to be used in `with`."""
    return lambda token="user-token", **more: kind(host.url, token, **more)


def test_the_whole_way_of_a_sweep(connect: Any) -> None:
    with connect() as user, connect(AGENT) as agent:
        sweep = user.create_sweep(make_spec("whole", "whole"))
        assert take(agent, pool="whole").sweep == sweep.id
        assert agent.claim(make_offer(pool="whole")) is None
        writer = Writer()
        agent.append(sweep.id, 1, writer.entries(asked(0), started(0)))
        lines = writer.entries(*(reported(0, make_report(k, eval_loss=1 / k)) for k in range(1, 6)))
        assert agent.append(sweep.id, 1, [*lines, *writer.entries(ended(0, samples=320))]) == 8
        agent.finish(sweep.id, 1, "DONE")
        (trial,) = user.every_trial(sweep.id)
        assert (trial.state, trial.value) == ("DONE", 0.2)
        assert [entry.seq for entry in user.entries(sweep.id)] == list(range(1, 9))
        events = list(user.events(sweep.id))
        assert [event.last for event in events].count(True) == 1
        assert list(user.events(sweep.id, events[-1].id)) == []
        assert user.result(sweep.id).best.trial == 0
        assert "apiVersion" in user.schema()["properties"]
        assert "# TYPE" in user.metrics()
        assert sweep.id in [one.id for one in user.every_sweep()]


def test_reports_come_with_trial_and_verdict(connect: Any) -> None:
    with connect() as user, connect(AGENT) as agent:
        sweep = user.create_sweep(make_spec("reports", "reports"))
        take(agent, pool="reports")
        writer = Writer()
        both = [entry for n in (0, 1) for entry in (asked(n), started(n))]
        mixed = [reported(n, make_report(k, eval_loss=1.0)) for k in (1, 2, 3) for n in (0, 1)]
        agent.append(sweep.id, 1, writer.entries(*both, *mixed))
        found = list(user.every_report(sweep.id))
        points = [(one.number, one.report.point) for one in found]
        assert points == [(n, k) for n in (0, 1) for k in (1, 2, 3)]
        assert {one.trial_id for one in found} == {t.id for t in user.every_trial(sweep.id)}
        page = user.list_reports(sweep.id, 4)
        rest = user.list_reports(sweep.id, 4, page.next_cursor)
        assert [*page.items, *rest.items] == found


def test_settings_are_changed_from_the_revision_that_was_seen(connect: Any) -> None:
    with connect() as user:
        spec = make_spec("patched", resources={"pool": "patched", "max_parallel": 3})
        sweep = user.create_sweep(spec)
        more = user.patch_sweep(sweep.id, sweep.revision, priority=7)
        assert (more.priority, more.max_parallel) == (7, 3)
        free = user.patch_sweep(sweep.id, more.revision, max_parallel=None)
        assert (free.priority, free.max_parallel) == (7, None)
        with pytest.raises(PreconditionFailed):
            user.patch_sweep(sweep.id, sweep.revision, priority=1)


def test_errors_come_back_as_they_were_raised(connect: Any) -> None:
    with connect() as user, connect("wrong") as stranger:
        with pytest.raises(NotFound):
            user.get_sweep("../healthz?x=1")
        with pytest.raises(NotFound):
            list(user.events(SWEEP))
        with pytest.raises(Unauthenticated):
            list(stranger.every_sweep())


def test_nobody_there(kind: Any) -> None:
    with kind("http://127.0.0.1:9", retries=0) as lost:
        with pytest.raises(Unreachable, match=r"127\.0\.0\.1:9"):
            lost.list_sweeps()
        with pytest.raises(Unreachable):
            next(lost.events(SWEEP))
    with pytest.raises(Unreachable, match="not a service address"), kind("http://x:port") as bad:
        bad.health()


# ---------------------------------------------------------------- retries and broken answers


def test_a_read_is_tried_again(serve: Any, kind: Any) -> None:
    server = serve(AWAY, EMPTY)
    with kind(server.url) as client:
        assert client.pools().items == []
    assert len(server.seen) == 2


def test_a_command_is_not_tried_again(serve: Any, kind: Any) -> None:
    server = serve(AWAY, EMPTY)
    with kind(server.url) as client, pytest.raises(Unavailable):
        client.pause(SWEEP)
    with kind(server.url) as client, pytest.raises(ServiceError, match="not what this client"):
        client.claim(ClaimRequest(agent="a", pool="p", recipes=["r"]))
    assert len(server.seen) == 2


def test_create_carries_one_key_through_its_retries(serve: Any, kind: Any) -> None:
    server = serve(AWAY, AWAY, AWAY)
    with kind(server.url) as client, pytest.raises(Unavailable):
        client.create_sweep({})
    keys = {request.headers["Idempotency-Key"] for request in server.seen}
    assert len(server.seen) == 3
    assert len(keys) == 1


def test_an_answer_that_is_no_problem_keeps_its_status(serve: Any, kind: Any) -> None:
    server = serve((400, "text/html", b"<h1>proxy</h1>"), (500, "application/json", b"[1]"))
    with kind(server.url) as client:
        with pytest.raises(BadRequest, match="answered 400"):
            client.list_sweeps()
        with pytest.raises(ServiceError, match="answered 500"):
            client.list_sweeps()


def test_a_broken_stream_is_taken_up_where_it_ended(serve: Any, kind: Any) -> None:
    stream = "text/event-stream"
    first = b": ping\r\n\r\nid: 1\r\nevent: sweep\r\ndata: " + EVENT % (1, b"false") + b"\r\n\r\n"
    second = b"id: 2\ndata: " + EVENT % (2, b"true") + b"\n\n"
    server = serve((200, stream, first), AWAY, (200, stream, second))
    with kind(server.url) as client:
        events = list(client.events(SWEEP))
    assert [event.id for event in events] == [1, 2]
    assert events[0].data["state"] == "QUEUED \u2028"
    asked = [request.headers["Last-Event-ID"] for request in server.seen]
    assert asked == [None, "1", "1"]


def test_a_stream_that_never_tells_the_end_is_given_up(serve: Any, kind: Any) -> None:
    nothing = (200, "text/event-stream", b"")
    server = serve(nothing, nothing)
    with kind(server.url, retries=1) as client, pytest.raises(Unreachable, match="end before"):
        list(client.events(SWEEP))
