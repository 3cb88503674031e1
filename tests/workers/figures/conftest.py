from __future__ import annotations

from collections.abc import Iterator

import pytest
from mlflow_server import MlflowServer


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
