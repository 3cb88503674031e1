from __future__ import annotations

import json
from typing import Any

import pytest
from asking import Cli, Service

from service.client import Client


def test_it_changes_what_is_named_and_nothing_else(cli: Cli, service: Service) -> None:
    service.submit("settled")

    def now(*line: str) -> tuple[Any, ...]:
        row = json.loads(cli("set", "settled", *line, "-o", "json").stdout)
        return row["revision"], row["priority"], row["max_parallel"], row["budget_trials"]

    first = now("--priority", "-3")
    assert first[1:] == (-3, None, None)
    assert now("--max-parallel", "2", "--trials", "9") == (first[0] + 1, -3, 2, 9)
    assert now("--max-parallel", "none")[1:] == (-3, None, 9)
    shown = cli("set", "settled", "--priority", "5")
    assert "Priority:          5" in shown.stdout.splitlines()
    assert "Max parallel:      no limit" in shown.stdout.splitlines()
    assert shown.stderr.startswith("next: sweepctl describe sweep swp_")
    assert "Priority:          5" in cli("describe", "sweep", "settled").stdout.splitlines()


def test_someone_was_quicker(cli: Cli, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    made = service.submit("contested")
    patch = Client.patch_sweep

    def late(self: Client, sweep_id: str, revision: int, **wanted: Any) -> Any:
        monkeypatch.setattr(Client, "patch_sweep", patch)
        with service.client() as other:
            other.patch_sweep(sweep_id, revision, priority=7)
        return patch(self, sweep_id, revision, **wanted)

    monkeypatch.setattr(Client, "patch_sweep", late)
    result = cli("set", "contested", "--priority", "1")
    assert result.exit_code == 5
    assert "error: priority is 7, was 0" in result.stderr
    assert "run the command again" in result.stderr.splitlines()[-1]
    with service.client() as client:
        assert client.get_sweep(made.id).priority == 7


def test_a_revision_of_ones_own(cli: Cli, service: Service) -> None:
    made = service.submit("pinned")
    stale = cli("set", "pinned", "--trials", "3", "--revision", "999")
    assert stale.exit_code == 5
    assert "revision 999 was expected" in stale.stderr
    assert cli("set", "pinned", "--trials", "3", "--revision", str(made.revision)).exit_code == 0


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ((), "nothing to set"),
        (("--max-parallel", "0"), "neither a whole number from 1 on nor `none`"),
        (("--max-parallel", "²"), "neither a whole number from 1 on nor `none`"),
        (("--priority", "101"), "less than or equal to 100"),
        (("--trials", "0"), "greater than or equal to 1"),
    ],
)
def test_usage(cli: Cli, line: tuple[str, ...], said: str) -> None:
    result = cli("set", "running", *line)
    assert result.exit_code == 2
    assert said in result.stderr


def test_an_ended_sweep_has_no_settings(cli: Cli) -> None:
    result = cli("set", "done", "--priority", "1")
    assert result.exit_code == 5
    assert result.stderr.splitlines()[-1].startswith("next: ")
