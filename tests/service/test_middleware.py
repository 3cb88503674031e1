"""Body limits, announced and chunked; the request log."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import httpx
import pytest
from service_support import AGENT, USER, Host, hosted, make_spec

from service.settings import Settings

PATH = "/api/v1/sweeps"
AGENT_HEADERS = {"Authorization": f"Bearer {AGENT}"}


def chunks(size: int) -> Iterator[bytes]:
    for _ in range(size // 4096):
        yield b"[" * 4096


def test_large_bodies_are_refused(web: httpx.Client) -> None:
    for content in (b"[" * 300_000, chunks(300_000)):
        answer = web.post(PATH, content=content)
        assert answer.status_code == 413
        assert answer.json()["type"].endswith("too-large")
        assert "262144 bytes" in answer.json()["detail"]


def test_a_chunked_body_under_the_limit_is_read_whole(web: httpx.Client) -> None:
    text = json.dumps(make_spec()).encode()
    answer = web.post(PATH, content=iter([text[:50], text[50:]]))
    assert answer.status_code == 201


def test_a_journal_may_be_larger(web: httpx.Client) -> None:
    path = f"{PATH}/swp_{'0' * 32}/journal"
    body = {"type": "evidence", "curves": [{"text": "x" * 1_000_000}]}
    sent = {"token": 1, "entries": [{"seq": 1, "at": "", "body": body}]}
    assert web.post(path, json=sent, headers=AGENT_HEADERS).status_code == 404
    answer = web.post(path, content=b" " * 9_000_000, headers=AGENT_HEADERS)
    assert answer.status_code == 413


SWEEP = f"swp_{'0' * 32}"
BODIES = [
    *(("POST", PATH, USER), ("POST", f"{PATH}/plan", USER), ("PATCH", f"{PATH}/{SWEEP}", USER)),
    *(("POST", f"{PATH}/{SWEEP}/finish", AGENT), ("POST", f"{PATH}/{SWEEP}/journal", AGENT)),
    *(("POST", "/api/v1/leases", AGENT), ("POST", f"/api/v1/leases/{SWEEP}/renew", AGENT)),
]


@pytest.mark.parametrize(("method", "path", "token"), BODIES)
def test_every_body_has_a_limit_of_size_and_depth(
    web: httpx.Client, method: str, path: str, token: str
) -> None:
    limit = (8 if path.endswith("journal") else 0.25) * 2**20
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def send(content: bytes) -> httpx.Response:
        return web.request(method, path, content=content, headers=headers)

    large = send(b" " * int(limit + 1))
    assert (large.status_code, large.json()["type"]) == (413, "urn:sweeps:problem:too-large")
    for deep in (b"[" * 65 + b"]" * 65, b'{"a":' * 65 + b"1" + b"}" * 65, b"[" * 100_000):
        answer = send(deep)
        assert (answer.status_code, answer.json()["type"]) == (422, "urn:sweeps:problem:invalid")
        assert "64 deep" in answer.json()["detail"]
    # Brackets inside of a text are no depth; what is wrong here is something else.
    text = json.dumps({"token": 1, "text": '[{"' * 100}).encode()
    assert "64 deep" not in send(text).text


def test_the_list_of_bodies_is_whole(web: httpx.Client) -> None:
    document = web.get("/openapi.json").json()["paths"]
    known = {(method, path.replace(SWEEP, "{sweep_id}")) for method, path, _ in BODIES}
    assert known == {
        (method.upper(), path)
        for path, operations in document.items()
        for method, operation in operations.items()
        if "requestBody" in operation
    }


def test_a_client_that_hangs_up_in_the_middle_harms_nobody(host: Host, web: httpx.Client) -> None:
    with socket.create_connection(host.socket.getsockname()) as wire:
        wire.sendall(f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{{".encode())
    assert web.get("/healthz").status_code == 200


@pytest.mark.parametrize("log", [True, False])
def test_the_request_log(settings: Settings, log: bool, capsys: pytest.CaptureFixture[str]) -> None:
    chosen = settings.model_copy(update={"request_log": log})
    with hosted(chosen) as host:
        httpx.get(f"{host.url}/healthz?token=x")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(lines) == log
    if log:
        assert lines[0].items() >= {"method": "GET", "path": "/healthz", "status": 200}.items()
