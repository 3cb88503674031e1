"""A real MLflow server that refuses what a real one refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
from mlflow_server import MlflowServer

from sweepctl.doctor_mlflow import mlflow


def test_host_origin_and_silence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three names of one address, because MLflow lets loopback's usual ones through."""
    server = MlflowServer(tmp_path, "127.0.0.2")
    known, half, unknown = (
        f"http://{name}:{server.port}" for name in ("127.0.0.2", "127.2", "127.0.2")
    )
    monkeypatch.setenv("MLFLOW_SERVER_ALLOWED_HOSTS", "127.0.0.2:*,127.2:*")
    monkeypatch.setenv("MLFLOW_SERVER_CORS_ALLOWED_ORIGINS", known)
    server.start()
    try:
        (row,) = mlflow(known)
        assert (row.found, row.mend) == (known, "")
        (row,) = mlflow(unknown)
        assert "403 Invalid Host header" in row.found
        assert "MLFLOW_SERVER_ALLOWED_HOSTS=127.0.2,127.0.2:*" in row.mend
        (row,) = mlflow(f"{half}/")
        assert "403 Cross-origin request blocked" in row.found
        assert f"MLFLOW_SERVER_CORS_ALLOWED_ORIGINS={half}" in row.mend
    finally:
        server.kill()
    (row,) = mlflow(known)
    assert row.found == f"{known} does not answer /health"
    assert "start it" in row.mend


def test_an_address_that_only_agents_know() -> None:
    (row,) = mlflow(None)
    assert not row.mend
