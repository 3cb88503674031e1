from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from asking import Cli

from service.client import Client
from service.errors import Unavailable
from service.schemas import Health
from sweepctl import doctor
from sweepctl.state import free_port


def checks(cli: Cli, *args: str) -> dict[str, dict[str, Any]]:
    rows = json.loads(cli("doctor", "-o", "json", *args).stdout)
    return {row["name"]: row for row in rows}


def test_a_service_that_is_well(cli: Cli) -> None:
    found = checks(cli)
    for name in ("python", "packages", "service", "version", "database", "token", "pool done"):
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


def test_another_version_and_an_old_database(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def ready(self: Client) -> Health:
        raise Unavailable("the database is at another revision")

    monkeypatch.setattr(Client, "ready", ready)
    monkeypatch.setattr(doctor, "own_version", lambda: "9.9.9")
    found = checks(cli)
    assert "pip install sweepctl==" in found["version"]["mend"]
    assert "service.migrate" in found["database"]["mend"]


def test_missing_packages(bare: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_PACKAGES", ("json", "no_such_package"))
    assert checks(bare)["packages"]["found"] == "missing: no_such_package"
