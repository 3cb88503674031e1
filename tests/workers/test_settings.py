from __future__ import annotations

import os
from pathlib import Path

import pytest

from workers.settings import WorkerSettings


def test_the_token_comes_from_the_environment_or_a_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("secret\n")
    assert WorkerSettings(agent_token="plain").token() == "plain"
    assert WorkerSettings(agent_token_file=file).token() == "secret"
    with pytest.raises(ValueError, match="SWEEP_AGENT_TOKEN"):
        WorkerSettings().token()


def test_environment_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWEEP_POOL", "a100")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow:5000")
    monkeypatch.setenv("SWEEP_DATA_ROOTS", f"/data{os.pathsep}/models")
    settings = WorkerSettings()
    assert (settings.pool, settings.tracking_uri) == ("a100", "http://mlflow:5000")
    assert settings.roots().folders == (Path("/data"), Path("/models"))


def test_every_trial_has_its_own_place_at_the_mirror() -> None:
    assert WorkerSettings().mirror_of("swp_1", 7) is None
    settings = WorkerSettings(checkpoints="s3://bucket/prefix/")
    assert settings.mirror_of("swp_1", 7) == "s3://bucket/prefix/swp_1/00007"


def test_a_driver_never_starts_a_ray_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with pytest.raises(ValueError, match="RAY_ADDRESS"):
        WorkerSettings().ray_address_or_fail()
