from __future__ import annotations

import json

import pytest
from asking import Cli, Service


def state(cli: Cli, name: str) -> str:
    return str(json.loads(cli("describe", "sweep", name, "-o", "json").stdout)["state"])


def test_a_queued_sweep_pauses_resumes_and_stops_at_once(cli: Cli, service: Service) -> None:
    made = service.submit("steered", pool="none")
    for verb, after in [("pause", "PAUSED"), ("resume", "QUEUED"), ("stop", "CANCELLED")]:
        result = cli(verb, "steered")
        assert result.exit_code == 0
        assert result.stdout.strip() == made.id
        assert "done" in result.stderr
        assert state(cli, "steered") == after


def test_a_driven_one_waits_for_its_driver(cli: Cli, service: Service) -> None:
    service.submit("driven")
    service.claim("driven")
    result = cli("pause", "driven")
    assert result.exit_code == 0
    assert "it waits for the sweep's driver" in result.stderr
    assert state(cli, "driven") == "RUNNING"


def test_stopping_a_trial(cli: Cli) -> None:
    result = cli("stop", "running/1")
    assert result.exit_code == 0
    assert result.stdout.startswith("trl_")


@pytest.mark.parametrize(
    "line", [("pause", "done"), ("resume", "done"), ("stop", "done"), ("stop", "done/0")]
)
def test_what_has_ended_is_a_conflict(cli: Cli, line: tuple[str, str]) -> None:
    result = cli(*line)
    assert result.exit_code == 5
    assert result.stderr.startswith("error: ")
    assert result.stdout == ""
