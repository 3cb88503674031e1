from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from mlflow import MlflowClient
from mlflow_server import MlflowServer

from workers.sinks.mlflow_api import connect


@pytest.fixture(scope="session")
def _server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    server = MlflowServer(tmp_path_factory.mktemp("mlflow"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def server(_server: MlflowServer) -> Iterator[MlflowServer]:
    """A real tracking server. A test may kill it: it is started again afterwards."""
    yield _server
    if not _server.running:
        _server.start()


@pytest.fixture
def client(server: MlflowServer) -> MlflowClient:
    return connect(server.uri)


@pytest.fixture
def project(client: MlflowClient) -> str:
    """The name of an experiment that nobody else uses. It is not made yet."""
    return f"project-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def sweep_id() -> str:
    return f"swp_{uuid.uuid4().hex}"
