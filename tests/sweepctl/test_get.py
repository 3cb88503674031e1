from __future__ import annotations

import json

import pytest
import yaml
from asking import Cli, Service

from service.client import Client
from service.schemas import PoolList


def test_sweeps_as_a_table(cli: Cli, service: Service) -> None:
    out = cli("get", "sweeps", "--project", "tests").stdout.splitlines()
    assert out[0].split() == ["ID", "NAME", "STATE", "TRIALS", "AGE", "MESSAGE"]
    row = next(line for line in out if " done " in line)
    assert row.startswith(service.sweeps["done"].id[:12])
    assert "3 DONE, 2 STOPPED" in row


@pytest.mark.parametrize("what", [("sweeps",), ("trials", "done"), ("pools",)])
def test_every_format_parses(cli: Cli, what: tuple[str, ...]) -> None:
    def out(form: str) -> str:
        result = cli("get", *what, "-o", form)
        assert result.exit_code == 0
        return result.stdout

    rows = json.loads(out("json"))
    assert rows
    assert len(yaml.safe_load(out("yaml"))) == len(rows)
    names = out("name").splitlines()
    assert names == [row.get("id", row.get("name")) for row in rows]
    assert len(out("table").splitlines()) == len(rows) + 1
    assert len(out("wide").splitlines()[0].split()) > len(out("table").splitlines()[0].split())


def test_trials_have_a_column_for_each_parameter(cli: Cli) -> None:
    out = cli("get", "trials", "done").stdout.splitlines()
    assert out[0].split() == [
        *("TRIAL", "STATE", "GLOBAL_BATCH_SIZE", "LEARNING_RATE"),
        *("SAMPLES", "LOSS", "GRAD_NORM", "EVAL_LOSS", "REASON"),
    ]
    assert out[2].split()[:4] == ["1", "DONE", "10", "0.1"]
    assert out[4].split()[-1] == "pruned"


def test_nan_is_shown_and_travels_as_a_string(cli: Cli) -> None:
    row = json.loads(cli("get", "trials", "running", "-o", "json").stdout)[1]
    assert (row["value"], row["loss"]) == ("NaN", "NaN")
    assert "nan" in cli("get", "trials", "running").stdout.splitlines()[2].split()


def test_filters(cli: Cli, service: Service) -> None:
    found = cli("get", "sweeps", "--state", "paused", "-o", "name").stdout.split()
    assert found == [service.sweeps["paused"].id]
    assert len(cli("get", "sweeps", "--limit", "2", "-o", "name").stdout.split()) == 2
    stopped = json.loads(cli("get", "trials", "done", "--state", "STOPPED", "-o", "json").stdout)
    assert [row["number"] for row in stopped] == [3, 4]
    refused = cli("get", "sweeps", "--state", "asleep")
    assert refused.exit_code == 2
    assert "--state asleep is not one of QUEUED" in refused.stderr


def test_nothing_to_list_is_said_on_stderr(cli: Cli) -> None:
    result = cli("get", "sweeps", "--project", "nobody")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "no such sweeps; next: sweepctl get sweeps\n"
    result = cli("get", "trials", "queued")
    assert result.stdout == ""
    assert "no trials; the sweep is QUEUED" in result.stderr
    assert json.loads(cli("get", "trials", "queued", "-o", "json").stdout) == []


def names(cli: Cli, *args: str) -> list[str]:
    return [row["name"] for row in json.loads(cli("get", "sweeps", *args, "-o", "json").stdout)]


def test_sweeps_by_name_pool_and_label(cli: Cli, service: Service) -> None:
    made = service.submit("labelled", pool="labels")
    data = made.spec | {"metadata": {"name": "labelled", "labels": {"team": "nlp", "a": "b"}}}
    with service.client() as client:
        client.create_sweep(data)
    assert names(cli, "--name", "labelled", "--pool", "labels") == ["labelled"] * 2
    assert names(cli, "-l", "team=nlp", "--label", "a=b") == ["labelled"]
    assert names(cli, "-l", "team=nlp", "-l", "a=c") == []
    assert names(cli, "--name", "done", "--pool", "done") == ["done"]
    for wrong in ("team", "=nlp"):
        refused = cli("get", "sweeps", "--label", wrong)
        assert refused.exit_code == 2
        assert "next: write e.g. --label team=nlp" in refused.stderr
    both = cli("get", "sweeps", "-l", "a=b", "-l", "a=c")
    assert both.exit_code == 2
    assert "--label a is asked to be b and c at once" in both.stderr


def test_sweeps_in_another_order(cli: Cli) -> None:
    up = names(cli, "--project", "tests", "--sort", "name")
    assert up == sorted(up)
    assert len(set(up)) > 4
    assert names(cli, "--project", "tests", "--sort", "-name") == up[::-1]
    refused = cli("get", "sweeps", "--sort", "nme")
    assert refused.exit_code == 2
    assert "next: did you mean --sort name?" in refused.stderr


def test_trials_in_another_order(cli: Cli) -> None:
    def values(sort: str) -> list[float]:
        rows = json.loads(cli("get", "trials", "done", "--sort", sort, "-o", "json").stdout)
        return [row["value"] for row in rows if row["state"] == "DONE"]

    assert values("value") == [1.0, 1.2, 1.5]
    assert values("-value") == [1.5, 1.2, 1.0]
    everything = cli("get", "trials", "done", "--role", "search", "-o", "name").stdout.split()
    assert len(everything) == 5
    assert cli("get", "trials", "done", "--role", "base", "-o", "name").stdout == ""
    assert "no such trials" in cli("get", "trials", "done", "--role", "base").stderr
    assert cli("get", "trials", "done", "--role", "guess").exit_code == 2


def test_pools(cli: Cli) -> None:
    rows = {line.split()[0]: line for line in cli("get", "pools").stdout.splitlines()}
    assert "1/1 alive" in rows["done"]
    assert "0/0 alive" in rows["empty"]
    assert "agent-done" in cli("get", "pools", "-o", "wide").stdout
    assert any(
        row["name"] == "empty" for row in json.loads(cli("get", "pools", "-o", "json").stdout)
    )


def test_no_pools_yet(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Client, "pools", lambda self: PoolList(items=[]))
    result = cli("get", "pools")
    assert "no agent has called yet; next: sweepctl up" in result.stderr
    assert result.stdout == ""
