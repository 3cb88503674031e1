"""Scopes of all routes, a light start, refusals to start, and what runs beside the requests."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi.routing import APIRoute
from service_support import (
    AGENT,
    USER,
    Host,
    hosted,
    make_settings,
    make_spec,
    migrated,
    take,
    until,
)
from starlette.routing import BaseRoute, Route
from starlette.testclient import TestClient

from service.app import create_app
from service.auth import AGENT_SCOPES, USER_SCOPES, Scope
from service.client import Client
from service.errors import ServiceError
from service.routes.common import Needs, Open
from service.settings import Settings, SettingsError
from sweeps.lifecycle import SweepState

# FastAPI's own pages; they show the document and nothing of any sweep.
PAGES = {"/docs", "/docs/oauth2-redirect", "/openapi.json"}
OPEN = {"/healthz", "/readyz", "/metrics"}
FILLED = {"sweep_id": "swp_" + "0" * 32, "trial_id": "trl_" + "0" * 32}


def flat(routes: list[BaseRoute]) -> Iterator[BaseRoute]:
    """Routes, those of included routers too."""
    for route in routes:
        inner = getattr(getattr(route, "original_router", None), "routes", None)
        if inner is None:
            yield route
        else:
            yield from flat(inner)


def scopes_of(route: APIRoute) -> list[Scope]:
    calls = [dependency.call for dependency in route.dependant.dependencies]
    return [call.scope for call in calls if isinstance(call, Needs | Open)]


@pytest.fixture
def routes(settings: Settings) -> list[BaseRoute]:
    """All routes of the app."""
    return list(flat(create_app(settings).routes))


def test_every_route_declares_its_scope(routes: list[BaseRoute]) -> None:
    declared: dict[str, list[Scope]] = {}
    for route in routes:
        if isinstance(route, APIRoute):
            declared[f"{min(route.methods)} {route.path}"] = scopes_of(route)
        else:
            assert isinstance(route, Route)
            assert route.path in PAGES
    assert len(declared) == 31
    assert [path for path, scopes in declared.items() if len(scopes) != 1] == []
    opened = {path.split()[1] for path, scopes in declared.items() if scopes == [Scope.OPEN]}
    assert opened == OPEN


def test_every_route_refuses_the_wrong_token(host: Host, routes: list[BaseRoute]) -> None:
    tokens = {USER: USER_SCOPES, AGENT: AGENT_SCOPES}
    asked = 0
    with httpx.Client(base_url=host.url, timeout=20) as web:
        for route in routes:
            if not isinstance(route, APIRoute) or route.path in OPEN:
                continue
            scope, method = scopes_of(route)[0], min(route.methods)
            path = re.sub(r"{(\w+)}", lambda found: FILLED[found[1]], route.path)
            for wrong in ({}, {"Authorization": "Bearer no"}, {"Authorization": "Basic dTpw"}):
                assert web.request(method, path, headers=wrong).status_code == 401, path
            for token, granted in tokens.items():
                headers = {"Authorization": f"Bearer {token}"}
                status = web.request(method, path, headers=headers).status_code
                assert (status == 403) == (scope not in granted), (method, path, status)
                assert status != 401
                asked += 1
    assert asked == 56


def test_the_start_is_light() -> None:
    heavy = ("ray", "torch", "mlflow", "scipy", "optuna", "pyarrow", "transformers", "pandas")
    code = f"import sys, service.app; print([m for m in {heavy!r} if m in sys.modules])"
    root = Path(__file__).resolve().parents[2]
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, timeout=120
    )
    assert answer.stdout.strip() == "[]", answer.stderr


def test_the_client_is_lighter_still() -> None:
    heavy = ("fastapi", "starlette", "sqlalchemy", "alembic", "uvicorn")
    code = f"import sys, service.client; print([m for m in {heavy!r} if m in sys.modules])"
    root = Path(__file__).resolve().parents[2]
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, timeout=120
    )
    assert answer.stdout.strip() == "[]", answer.stderr


def test_an_app_does_not_start_on_a_bare_database(tmp_path: Path) -> None:
    app = create_app(make_settings(tmp_path))
    with pytest.raises(SettingsError, match=r"python -m service\.migrate"), TestClient(app):
        pass


def test_a_cancelled_sweep_whose_driver_is_gone_is_closed(tmp_path: Path) -> None:
    brief = {"lease_seconds": 0.3, "renew_seconds": 0.1}
    with (
        hosted(migrated(make_settings(tmp_path, **brief))) as host,
        host.client() as user,
        host.client(AGENT) as agent,
    ):
        sweep = user.create_sweep(make_spec())
        take(agent)
        assert user.cancel(sweep.id).state is SweepState.STOPPING
        until(lambda: user.get_sweep(sweep.id).state is SweepState.CANCELLED)


def test_a_sweep_that_ended_gets_its_summary(tmp_path: Path) -> None:
    brief = {"lease_seconds": 30, "renew_seconds": 0.1}
    with (
        hosted(migrated(make_settings(tmp_path, **brief))) as host,
        host.client() as user,
        host.client(AGENT) as agent,
    ):
        sweep = user.create_sweep(make_spec(pruning={"type": "median"}))
        agent.finish(sweep.id, take(agent).token, "DONE")
        until(lambda: [one.sweep_id for one in user.report_pruning().items] == [sweep.id])


def test_a_commit_that_fails_is_no_201(host: Host, user: Client) -> None:
    """The answer waits for the commit: here a deferred constraint breaks in it, and only there."""
    path = host.settings.database_url.removeprefix("sqlite:///")
    with sqlite3.connect(path) as wire:
        wire.executescript("""
            CREATE TABLE owed (id TEXT REFERENCES sweeps(id) DEFERRABLE INITIALLY DEFERRED);
            CREATE TRIGGER owe AFTER INSERT ON events BEGIN INSERT INTO owed VALUES ('none'); END;
        """)
    with pytest.raises(ServiceError) as failed:
        user.create_sweep(make_spec())
    assert type(failed.value) is ServiceError
    assert user.list_sweeps().items == []
