"""Every error is a problem: RFC 9457, with pointers."""

from __future__ import annotations

import httpx
import pytest
from fastapi import FastAPI
from service_support import AGENT, Host, make_spec
from sqlalchemy.exc import OperationalError
from starlette.testclient import TestClient

from service import problems
from service.errors import BadRequest, Conflict, StaleLease
from service.routes.common import errors

FIELDS = {"type", "title", "status", "detail", "instance", "errors"}
AGENT_HEADERS = {"Authorization": f"Bearer {AGENT}"}


def problem(answer: httpx.Response, status: int) -> dict[str, object]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    found: dict[str, object] = answer.json()
    assert set(found) >= FIELDS
    assert found["status"] == status
    return found


def test_routes_that_are_not_there(web: httpx.Client) -> None:
    found = problem(web.get("/api/v1/nothing"), 404)
    assert found["type"] == "urn:sweeps:problem:not-found"
    assert found["instance"] == "/api/v1/nothing"
    answer = web.put("/api/v1/sweeps")
    problem(answer, 405)
    assert "POST" in answer.headers["allow"] or "GET" in answer.headers["allow"]


def test_a_token_is_asked_for_by_name(host: Host) -> None:
    answer = httpx.get(f"{host.url}/api/v1/sweeps")
    problem(answer, 401)
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ("{", 400, "not JSON"),
        ("[" * 60, 400, "not JSON"),
        ("[" * 5000, 422, "64 deep"),
        ('{"kind": "Sweep", "kind": "Sweep"}', 422, "written twice"),
        ("null", 422, "wrong"),
        ("[]", 422, "wrong"),
        ("9" * 5000, 400, "not JSON"),
        ('{"a": "\\ud800"}', 422, "wrong"),
    ],
)
def test_bodies_that_are_no_spec(web: httpx.Client, body: str, status: int, said: str) -> None:
    found = problem(web.post("/api/v1/sweeps", content=body), status)
    assert said in str(found["detail"])


def test_a_fault_has_pointer_value_and_mend(web: httpx.Client) -> None:
    found = problem(web.post("/api/v1/sweeps", json=make_spec(horizon={"samples": -1})), 422)
    fault = found["errors"][0]  # type: ignore[index]
    assert (fault["pointer"], fault["value"]) == ("/spec/horizon/samples", "-1")
    assert fault["detail"]
    assert fault["mend"]


def test_a_request_model_points_into_the_body(web: httpx.Client) -> None:
    entry = {"seq": 1, "at": "", "body": {"type": "report", "trial": "x"}}
    path = f"/api/v1/sweeps/swp_{'0' * 32}/journal"
    sent = {"token": 1, "entries": [entry]}
    found = problem(web.post(path, json=sent, headers=AGENT_HEADERS), 422)
    rows = {row["pointer"]: row for row in found["errors"]}  # type: ignore[attr-defined]
    assert rows["/entries/0/body/trial"]["value"] == '"x"'
    assert rows["/entries/0/body/verdict"]["mend"] == "Add it."
    found = problem(web.post(path, content="{}", headers=AGENT_HEADERS), 400)
    assert "Content-Type: application/json" in str(found["detail"])
    headers = {**AGENT_HEADERS, "Content-Type": "application/json"}
    for broken in ("{", "[" * 60):
        found = problem(web.post(path, content=broken, headers=headers), 400)
        assert "body" in str(found["detail"])
    found = problem(web.get("/api/v1/sweeps?limit=1000"), 422)
    assert "query parameter limit" in str(found["errors"])


def test_what_nobody_expected() -> None:
    app = FastAPI()
    problems.install(app)

    @app.get("/broken")
    def broken() -> None:
        raise ZeroDivisionError("secret detail")

    @app.get("/locked")
    def locked() -> None:
        raise OperationalError("SELECT", {}, RuntimeError("database is locked"))

    with TestClient(app, raise_server_exceptions=False) as client:
        answer = client.get("/broken")
        assert (answer.status_code, answer.json()["status"]) == (500, 500)
        assert "secret" not in answer.text
        answer = client.get("/locked")
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "1"


def test_documented_errors_share_a_status() -> None:
    found = problems.documented(Conflict, StaleLease, BadRequest)
    assert list(found) == [400, 409]
    assert found[409]["description"].count(";") == 1
    assert {400, 401, 403, 422, 500, 503} == set(errors())
