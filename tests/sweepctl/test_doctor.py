from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from asking import Cli

from sweepctl.state import free_port


def checks(cli: Cli, *args: str) -> dict[str, dict[str, Any]]:
    rows = json.loads(cli("doctor", "-o", "json", *args).stdout)
    return {row["name"]: row for row in rows}


def test_a_service_that_is_well(cli: Cli) -> None:
    found = checks(cli)
    names = ("python", "packages", "disk", "service", "version", "database", "clock", "token")
    for name in (*names, "pool done"):
        assert found[name]["ok"], found[name]
        assert found[name]["mend"] == ""
    assert found["mlflow"]["found"] == "its address is known to the agents only"


def test_a_pool_without_an_agent_is_ill_and_exit_1(cli: Cli) -> None:
    row = checks(cli)["pool empty"]
    assert not row["ok"]
    assert row["mend"] == "start an agent with SWEEP_POOL=empty"
    result = cli("doctor")
    assert result.exit_code == 1
    assert any(
        line.startswith("ill") and "pool empty" in line for line in result.stdout.splitlines()
    )
    assert yaml.safe_load(cli("doctor", "-o", "yaml").stdout)


def test_nothing_known_and_nothing_there(bare: Cli) -> None:
    assert "sweepctl up" in checks(bare)["service"]["mend"]
    found = checks(bare, "--server", f"http://127.0.0.1:{free_port()}")
    assert found["service"]["mend"] == "sweepctl up, or mend --server"
    assert "token" not in found


def test_a_wrong_token(cli: Cli) -> None:
    row = checks(cli, "--token", "wrong")["token"]
    assert not row["ok"]
    assert "SWEEPCTL_TOKEN" in row["mend"]


def test_mlflow_is_asked_where_this_machine_says_it_is(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    monkeypatch.setenv("SWEEP_MLFLOW_URL", url)
    row = checks(cli)["mlflow"]
    assert (row["ok"], row["found"]) == (False, f"{url} does not answer /health")
