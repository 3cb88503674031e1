from __future__ import annotations

import json

import pytest
import yaml
from asking import Cli, Service

from sweeps.trial import trial_id


def rows(out: str) -> dict[str, list[str]]:
    """Lines of a table by their first word or words, two blanks apart."""
    cells = [
        [cell.strip() for cell in line.split("  ") if cell.strip()] for line in out.split("\n")
    ]
    return {line[0]: line[1:] for line in cells if line}


def test_trials_side_by_side(cli: Cli, service: Service) -> None:
    result = cli("compare", "done/1", "done/3", "done/4")
    assert result.exit_code == 0
    lines, found = result.stdout.splitlines(), rows(result.stdout)
    assert lines[0].split() == ["done/1", "done/3", "done/4"]
    ids = [trial_id(service.sweeps["done"].id, number)[:12] for number in (1, 3, 4)]
    assert found["id"] == ids
    assert lines[2].split() == ["learning_rate", "0.1", "0.25", "0.3"], "what differs comes first"
    assert "Same in all: global_batch_size=10" in lines
    assert found["final eval_loss"] == ["1", "-", "-"]
    assert found["state"] == ["DONE", "STOPPED", "STOPPED"]
    assert found["reason"] == ["-", "pruned", "pruned"]
    assert found["compute used"] == ["1,000 samples", "300 samples", "100 samples"]
    head = next(line for line in lines if line.startswith("SAMPLES"))
    assert head.split("  ")[1].strip() == "loss done/1"
    assert found["100"] == ["-", "-", "2", "-", "-", "1"], "three losses, three norms"
    assert found["1,000"] == ["1", "-", "-", "1", "-", "-"]


def test_nan_is_not_absent(cli: Cli) -> None:
    found = rows(cli("compare", "done/0", "running/1").stdout)
    assert found["400"] == ["-", "nan", "-", "1"]
    data = json.loads(cli("compare", "done/0", "running/1", "-o", "json").stdout)
    mark = next(mark for mark in data["marks"] if mark["samples"] == 400)
    assert mark["loss"] == [None, "NaN"]
    assert (mark["share"], mark["metric"]) == (0.4, [None, "NaN"])
    assert data["trials"][1]["best"] == "NaN"
    assert data["trials"][1]["final"] is None


def test_sweeps_side_by_side(cli: Cli) -> None:
    result = cli("compare", "done", "running", "queued")
    assert result.exit_code == 0
    found = rows(result.stdout)
    assert found["state"] == ["DONE", "RUNNING", "QUEUED"]
    assert found["trials"][::2] == ["3 DONE, 2 STOPPED", "none"]
    assert found["best trial"] == ["1", "0", "-"]
    assert found["compute saved"] == ["32.0 %", "0.0 %", "-"]
    assert found["resources.pool"] == ["done", "running", "empty"]
    assert "method.type" not in found, "what is the same is left out"
    assert "The specs are the same." in cli("compare", "done", "done").stdout


@pytest.mark.parametrize("refs", [("done/1", "running/0"), ("done", "running")])
def test_every_format_parses(cli: Cli, service: Service, refs: tuple[str, ...]) -> None:
    data = json.loads(cli("compare", *refs, "-o", "json").stdout)
    assert yaml.safe_load(cli("compare", *refs, "-o", "yaml").stdout) == data
    names = cli("compare", *refs, "-o", "name").stdout.split()
    owners = [service.sweeps["done"].id, service.sweeps["running"].id]
    assert names == (
        owners if refs[0] == "done" else [trial_id(owners[0], 1), trial_id(owners[1], 0)]
    )
    assert cli("compare", *refs, "-o", "wide").exit_code == 0


@pytest.mark.parametrize(
    ("refs", "said"),
    [
        (("done/1",), "next: sweepctl compare done/1 OTHER"),
        (("done/1", "done"), "name trials alone"),
    ],
)
def test_what_cannot_be_compared(cli: Cli, refs: tuple[str, ...], said: str) -> None:
    result = cli("compare", *refs)
    assert result.exit_code == 2
    assert said in result.stderr


def test_what_is_not_there(cli: Cli) -> None:
    assert cli("compare", "done/1", "done/99").exit_code == 3
    assert cli("compare", "done", "nothing").exit_code == 3
