from __future__ import annotations

from pathlib import Path

import pytest

from sweepctl import environment

OUTER = {
    "PATH": "/bin",
    "RAY_ADDRESS": "10.0.0.1:6379",
    "MLFLOW_TRACKING_URI": "https://elsewhere",
    "MLFLOW_RUN_ID": "abc",
    "SWEEP_SERVICE_URL": "https://elsewhere",
    "SWEEP_AGENT_TOKEN": "another",
    "SWEEP_RECIPES": "mine=my.module:run",
    "SWEEPCTL_TOKEN": "mine",
    "NO_PROXY": "intranet",
}


@pytest.mark.parametrize("alone", [True, False])
def test_what_names_other_servers_stays_out(alone: bool) -> None:
    kept = environment.clean(OUTER, alone)
    assert kept["PATH"] == "/bin"
    assert kept["NO_PROXY"] == "intranet,127.0.0.1,localhost"
    assert not {name for name in kept if name.startswith(("MLFLOW_", "SWEEPCTL_"))}
    assert "SWEEP_AGENT_TOKEN" not in kept
    assert "SWEEP_SERVICE_URL" not in kept


def test_up_joins_the_users_ray_and_the_demo_does_not() -> None:
    up, demo = environment.clean(OUTER, False), environment.clean(OUTER, True)
    assert up["RAY_ADDRESS"] == "10.0.0.1:6379"
    assert up["SWEEP_RECIPES"] == "mine=my.module:run"
    assert not {name for name in demo if name.startswith(("RAY_", "SWEEP_"))}


def test_each_child_gets_its_own(tmp_path: Path) -> None:
    base = {"PATH": "/bin"}
    service = environment.service(base, tmp_path, 1234, "http://m")
    assert service["SWEEP_DATABASE_URL"] == f"sqlite:///{tmp_path}/service.db"
    assert service["SWEEP_PORT"] == "1234"
    assert service["SWEEP_HOST"] == "127.0.0.1"
    mlflow = environment.mlflow(base)
    assert mlflow["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"
    roots = [tmp_path / "a", tmp_path / "b"]
    agent = environment.agent(base, tmp_path, ("http://s", "http://m"), roots, 3)
    assert agent["SWEEP_DATA_ROOTS"] == f"{tmp_path}/a:{tmp_path}/b"
    assert agent["SWEEP_SLOTS"] == "3"
    assert agent["MLFLOW_TRACKING_URI"] == "http://m"
    bare = environment.agent(base, tmp_path, ("http://s", "http://m"), roots, None)
    assert "SWEEP_SLOTS" not in bare


def test_loopback_is_spared_once() -> None:
    once = environment.spared({"no_proxy": "intranet"})
    assert once == {"NO_PROXY": "127.0.0.1,localhost", "no_proxy": "intranet,127.0.0.1,localhost"}
    assert environment.spared(once) == once
