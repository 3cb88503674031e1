"""The parts of an exchange: what is sent, how often, and what an answer stands for."""

from __future__ import annotations

import inspect

import httpx
import pytest

from service.errors import IllegalMove, ServiceError, Unavailable, Unreachable
from service.exchange import (
    Address,
    Call,
    Leaf,
    Tries,
    as_method,
    checked,
    flows,
    leafed,
    pause,
    read_as,
    read_plain,
)
from service.schemas import Health, SweepPage


def answer(status: int, body: str = "", kind: str = "application/json") -> httpx.Response:
    return httpx.Response(status, text=body, headers={"content-type": kind})


def test_what_is_none_is_not_sent_and_lists_are_repeated() -> None:
    call = Call("GET", "/x", read_plain, query={"a": None, "b": 1, "c": ["x", "y"]})
    request = httpx.Request("GET", "http://h/x", **call.parts())
    assert request.url.query == b"b=1&c=x&c=y"
    assert "content-type" not in request.headers
    sent = httpx.Request("POST", "http://h/x", **Call("POST", "/x", read_plain, body=b"{}").parts())
    assert sent.headers["content-type"] == "application/json"


def test_then_reads_further_and_sends_the_same() -> None:
    call = Call("PUT", "/x", read_plain, {"a": 1}, {"H": "v"}, b"1", True)
    longer = call.then(lambda found: found["n"] + 1)
    assert longer.read(b'{"n": 1}') == 2
    same = ("method", "path", "query", "headers", "body", "again")
    assert [getattr(longer, n) for n in same] == [getattr(call, n) for n in same]


def test_a_leaf_leads_to_the_next() -> None:
    def ask(cursor: str | None) -> Call[SweepPage]:
        return Call("GET", f"/{cursor}", read_as(SweepPage))

    first = leafed(ask)
    assert first.path == "/None"
    leaf = first.read(b'{"items": [], "next_cursor": "c2"}')
    assert leaf.following is not None
    assert leaf.following.path == "/c2"
    assert leaf.following.read(b'{"items": [], "next_cursor": null}') == Leaf([], None)


@pytest.mark.parametrize("body", [b"<h1>", b"{}", b"\xff"])
def test_an_unreadable_answer_is_an_error_of_the_service(body: bytes) -> None:
    with pytest.raises(ServiceError, match="as new"):
        read_as(Health)(body)


def test_only_calls_that_may_be_repeated_are_tried_again() -> None:
    once, twice = (Call("POST", "/x", read_plain, again=again) for again in (False, True))
    with pytest.raises(Unreachable, match="gone"):
        Tries(once, 2).failed(Unreachable("gone"))
    tries = Tries(twice, 2)
    assert tries.passing(answer(503))
    assert not tries.passing(answer(500))
    assert [tries.failed(Unreachable("gone")), tries.wait()] == [0.2, 0.4]
    assert not tries.passing(answer(503))
    with pytest.raises(Unreachable):
        tries.failed(Unreachable("gone"))


def test_pauses_grow_to_a_limit() -> None:
    assert [pause(n) for n in (0, 1, 2, 20)] == [0.2, 0.4, 0.8, 5.0]


def test_a_problem_is_the_error_that_was_raised() -> None:
    body = (
        '{"type":"urn:sweeps:problem:illegal-move","detail":"no","possible":["DONE"],'
        '"errors":[{"pointer":"/a","value":"1","detail":"d","mend":"m"},7]}'
    )
    with pytest.raises(IllegalMove) as raised:
        checked(answer(409, body))
    assert raised.value.detail == "no"
    assert raised.value.extra == {"possible": ["DONE"]}
    assert [fault.pointer for fault in raised.value.faults] == ["/a"]
    with pytest.raises(Unavailable, match="answered 429"):
        checked(answer(429, "<h1>slow down</h1>", "text/html"))
    assert checked(answer(200, "1")) == b"1"


@pytest.mark.parametrize(
    ("status", "begun"), [(200, True), (204, False), (302, False), (404, False)]
)
def test_a_long_answer_has_begun(status: int, begun: bool) -> None:
    assert flows(answer(status)) is begun


def test_a_method_says_what_its_call_says() -> None:
    def describe(sweep_id: str, limit: int = 5) -> Call[int]:
        """All about it."""
        return Call("GET", "/", read_plain)

    method = as_method(lambda self, *_: None, describe)
    assert str(inspect.signature(method)) == "(self, sweep_id: 'str', limit: 'int' = 5)"
    assert (method.__name__, method.__doc__) == ("describe", "All about it.")


def test_who_asks_is_said_in_every_request() -> None:
    assert Address("http://h", "t", 3).options()["headers"]["Authorization"] == "Bearer t"
    assert "Authorization" not in Address("http://h", None, 3).options()["headers"]
    patience = Address("http://h", None, 3).patience(60)
    assert (patience.read, patience.connect) == (60, 3)
