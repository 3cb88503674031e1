"""A migrated database, a service over it, and its two kinds of client."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from service_support import AGENT, USER, Host, hosted, make_settings, migrated
from sqlalchemy.orm import Session

from service.client import Client
from service.settings import Settings
from service.store.database import Database


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a database that was migrated once."""
    folder = tmp_path_factory.mktemp("template")
    migrated(make_settings(folder))
    return folder


@pytest.fixture
def backend() -> str:
    """Where a test keeps its data: "sqlite", unless its folder or the test says otherwise."""
    return "sqlite"


@pytest.fixture
def settings(
    backend: str, template: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Settings]:
    """Settings with an empty, migrated database of their own."""
    if backend == "sqlite":
        shutil.copy(template / "sweeps.db", tmp_path / "sweeps.db")
        yield make_settings(tmp_path)
    else:
        with request.getfixturevalue("postgres").empty() as url:
            yield make_settings(tmp_path, database_url=url)


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    """The database alone, without a service."""
    found = Database(settings.database_url)
    yield found
    found.close()


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    """A writing session; kept at the end."""
    with database.write() as found:
        yield found


@pytest.fixture
def host(settings: Settings) -> Iterator[Host]:
    """A service that answers on loopback."""
    with hosted(settings) as found:
        yield found


@pytest.fixture
def user(host: Host) -> Iterator[Client]:
    """A client with the user's token."""
    with host.client() as found:
        yield found


@pytest.fixture
def agent(host: Host) -> Iterator[Client]:
    """A client with the agent's token."""
    with host.client(AGENT) as found:
        yield found


@pytest.fixture
def web(host: Host) -> Iterator[httpx.Client]:
    """Bare HTTP with the user's token."""
    headers = {"Authorization": f"Bearer {USER}"}
    with httpx.Client(base_url=host.url, headers=headers, timeout=20) as found:
        yield found
