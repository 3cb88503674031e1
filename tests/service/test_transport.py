"""Retries, broken answers and long answers, against small servers on loopback."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from service.client import Client
from service.errors import BadRequest, ServiceError, Unavailable, Unreachable
from service.schemas import ClaimRequest
from service.transport import Transport, pause

SWEEP = "swp_" + "0" * 32
EVENT = (
    b'{"id":%d,"type":"sweep","at":"2026-11-20T12:00:00Z","sweep_id":"' + SWEEP.encode() + b'",'
    b'"trial_id":null,"data":{"state":"QUEUED \xe2\x80\xa8"},"last":%s}'
)


class Script(HTTPServer):
    """Answers request n with line n of `script`: (status, content type, body)."""

    def __init__(self, script: list[tuple[int, str, bytes]]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script, self.seen = script, []  # type: ignore[var-annotated]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Script

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.server.seen.append(self)
        status, kind, body = self.server.script[len(self.server.seen) - 1]
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = _answer

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@pytest.fixture
def serve() -> Iterator[Any]:
    """serve(script) -> Script, answering."""
    running: list[Script] = []

    def start(*script: tuple[int, str, bytes]) -> Script:
        server = Script(list(script))
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        running.append(server)
        return server

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


AWAY = (503, "text/plain", b"restarting")
EMPTY = (200, "application/json", b'{"items":[]}')


def test_a_read_is_tried_again(serve: Any) -> None:
    server = serve(AWAY, EMPTY)
    with Client(server.url) as client:
        assert client.pools().items == []
    assert len(server.seen) == 2


def test_a_command_is_not_tried_again(serve: Any) -> None:
    server = serve(AWAY, EMPTY)
    with Client(server.url) as client, pytest.raises(Unavailable):
        client.pause(SWEEP)
    with Client(server.url) as client, pytest.raises(ServiceError, match="not what this client"):
        client.claim(ClaimRequest(agent="a", pool="p", recipes=["r"]))
    assert len(server.seen) == 2


def test_create_carries_one_key_through_its_retries(serve: Any) -> None:
    server = serve(AWAY, AWAY, AWAY)
    with Client(server.url) as client, pytest.raises(Unavailable):
        client.create_sweep({})
    keys = {request.headers["Idempotency-Key"] for request in server.seen}
    assert len(server.seen) == 3
    assert len(keys) == 1


def test_an_answer_that_is_no_problem_keeps_its_status(serve: Any) -> None:
    server = serve((400, "text/html", b"<h1>proxy</h1>"), (500, "application/json", b"[1]"))
    with Client(server.url) as client:
        with pytest.raises(BadRequest, match="answered 400"):
            client.list_sweeps()
        with pytest.raises(ServiceError, match="answered 500"):
            client.list_sweeps()


def test_a_broken_stream_is_taken_up_where_it_ended(serve: Any) -> None:
    kind = "text/event-stream"
    first = b": ping\r\n\r\nid: 1\r\nevent: sweep\r\ndata: " + EVENT % (1, b"false") + b"\r\n\r\n"
    second = b"id: 2\ndata: " + EVENT % (2, b"true") + b"\n\n"
    server = serve((200, kind, first), AWAY, (200, kind, second))
    with Client(server.url) as client:
        events = list(client.events(SWEEP))
    assert [event.id for event in events] == [1, 2]
    assert events[0].data["state"] == "QUEUED \u2028"
    asked = [request.headers["Last-Event-ID"] for request in server.seen]
    assert asked == [None, "1", "1"]


def test_a_stream_that_never_tells_the_end_is_given_up(serve: Any) -> None:
    nothing = (200, "text/event-stream", b"")
    server = serve(nothing, nothing)
    with Client(server.url, retries=1) as client, pytest.raises(Unreachable, match="end before"):
        list(client.events(SWEEP))


def test_a_stream_can_be_over(serve: Any) -> None:
    server = serve((204, "text/event-stream", b""))
    wire = Transport(server.url, None, 5, 0)
    assert wire.stream("/x", {}, 5) is None
    wire.close()


def test_pauses_grow_to_a_limit() -> None:
    assert [pause(n) for n in (0, 1, 2, 20)] == [0.2, 0.4, 0.8, 5.0]


PROXIES = ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")


@pytest.fixture
def proxied(monkeypatch: pytest.MonkeyPatch) -> Any:
    """proxied(url): from now on the user's proxy is there, for every address."""
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)

    def set_all(url: str) -> None:
        for name in PROXIES:
            monkeypatch.setenv(name, url)

    return set_all


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST"])
def test_loopback_is_asked_without_a_proxy(serve: Any, proxied: Any, host: str) -> None:
    server, proxy = serve(EMPTY), serve(AWAY)
    proxied(proxy.url)
    with Client(server.url.replace("127.0.0.1", host), retries=0) as client:
        assert client.pools().items == []
    assert not proxy.seen


def test_loopback_of_ipv6_is_asked_without_a_proxy(serve: Any, proxied: Any) -> None:
    """Nobody listens there: what counts is that the proxy hears nothing."""
    proxy = serve(EMPTY)
    proxied(proxy.url)
    with Client("http://[::1]:9", retries=0) as client, pytest.raises(Unreachable):
        client.pools()
    assert not proxy.seen


def test_other_hosts_are_asked_through_the_proxy(serve: Any, proxied: Any) -> None:
    proxy = serve(EMPTY)
    proxied(proxy.url)
    with Client("http://sweeps.invalid", retries=0) as client:
        assert client.pools().items == []
    assert [request.path for request in proxy.seen] == ["http://sweeps.invalid/api/v1/pools"]
