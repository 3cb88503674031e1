from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from asking import Cli, Service, finish_when_there


def test_create_prints_the_id_alone_on_stdout(cli: Cli, service: Service, spec_file: Path) -> None:
    result = cli("create", "-f", str(spec_file), "--name", "fresh")
    assert result.exit_code == 0
    identity = result.stdout.strip()
    with service.client() as client:
        made = client.get_sweep(identity)
    assert made.name == "fresh"
    data = made.spec["spec"]["workload"]["data"]
    assert data["train"] == str(spec_file.parent / "a.jsonl")
    assert data["eval"] == str(spec_file.parent / "b.jsonl")
    assert "sweep fresh" in result.stderr
    assert f"next: sweepctl watch {identity[:12]}" in result.stderr


def test_create_from_stdin_with_set(cli: Cli, service: Service, spec_file: Path) -> None:
    rate = "parameters.learning_rate.values=[1e-4, 2e-4]"
    root = str(spec_file.parent)
    result = cli(
        *("create", "-f", "-", "--set", rate, "--set", "budget.trials=1", "--data-root", root),
        input=spec_file.read_text(),
    )
    assert result.exit_code == 0, result.stderr
    with service.client() as client:
        made = client.get_sweep(result.stdout.strip())
    assert made.spec["spec"]["parameters"]["learning_rate"]["values"] == [1e-4, 2e-4]
    assert made.spec["spec"]["budget"]["trials"] == 1
    assert made.spec["spec"]["workload"]["data"]["train"] == f"{root}/a.jsonl"


def test_create_from_a_preset(cli: Cli, service: Service, tmp_path: Path) -> None:
    result = cli(
        *("create", "--preset", "quickstart", "--data-root", str(tmp_path)),
        *("--set", "resources.pool=nobody"),
    )
    assert result.exit_code == 0, result.stderr
    assert "the pool's data roots decide" in result.stderr


def test_the_same_key_creates_once(cli: Cli, spec_file: Path) -> None:
    def create(*more: str) -> tuple[int, str]:
        result = cli("create", "-f", str(spec_file), "--idempotency-key", "once", *more)
        return result.exit_code, result.stdout

    first = create()
    assert first[0] == 0
    assert create() == first
    assert create("--name", "other")[0] == 2


def test_a_bad_spec_is_a_usage_error_with_its_line(cli: Cli, spec_file: Path) -> None:
    spec_file.write_text(spec_file.read_text().replace("goal: minimize", "goal: smaller"))
    for command in ("create", "plan"):
        result = cli(command, "-f", str(spec_file))
        assert result.exit_code == 2
        assert result.stdout == ""
        assert f"error: {spec_file}:13: /spec/metric/goal:" in result.stderr
        assert '(got "smaller")' in result.stderr
        assert result.stderr.splitlines()[-1].startswith("next: mend ")


LIMIT = ("--set", "budget.gpu_hours=1")


def test_what_the_service_refuses_has_its_line_too(
    cli: Cli, spec_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sweepctl.specfile.refuse", lambda spec: None)
    for command in ("create", "plan"):
        result = cli(command, "-f", str(spec_file), *LIMIT)
        assert result.exit_code == 2
        assert f"error: {spec_file}:4: /spec/budget" in result.stderr


@pytest.mark.parametrize("command", ["create", "plan"])
@pytest.mark.parametrize(
    ("change", "place"),
    [
        (LIMIT, ":4: /spec/budget/gpu_hours: "),
        (("--set", "metric.goal=smaller"), ":13: /spec/metric/goal: "),
        (("--set", "method={type: random}"), ":4: /spec/budget/trials: "),
        (("--set", "workload.data.train=./nowhere.jsonl"), ":7: /spec/workload/data/train: there"),
    ],
)
def test_a_bad_file_is_told_with_no_service_known(
    bare: Cli, spec_file: Path, command: str, change: tuple[str, str], place: str
) -> None:
    result = bare(command, "-f", str(spec_file), *change)
    assert result.exit_code == 2
    assert f"error: {spec_file}{place}" in result.stderr
    assert "no service is known" not in result.stderr
    good = bare(command, "-f", str(spec_file))
    assert good.exit_code == 1
    assert "no service is known here" in good.stderr


def test_plan(cli: Cli, spec_file: Path) -> None:
    out = cli("plan", "-f", str(spec_file)).stdout
    assert "2 of 2, 0 refused" in out
    assert "2,000" in out
    found = json.loads(cli("plan", "-f", str(spec_file), "-o", "json").stdout)
    assert (found["cells"], found["trials"], found["total_samples"]) == (2, 2, 2000)
    assert yaml.safe_load(cli("plan", "-f", str(spec_file), "-o", "yaml").stdout) == found
    assert cli("plan", "-f", str(spec_file), "-o", "name").stdout.strip() == "written"
    assert cli("plan", "-f", str(spec_file), "-o", "wide").exit_code == 0


@pytest.mark.parametrize(
    ("state", "flag", "code"),
    [("DONE", "--wait", 0), ("FAILED", "--wait", 1), ("DONE", "--watch", 0)],
)
def test_create_waits_for_the_end(
    cli: Cli, service: Service, spec_file: Path, state: str, flag: str, code: int
) -> None:
    pool = f"wait-{state}{flag}".lower()
    with finish_when_there(service, pool, state, "that is all"):
        result = cli("create", "-f", str(spec_file), "--set", f"resources.pool={pool}", flag)
    assert result.exit_code == code
    assert result.stdout.startswith("swp_")
    if code:
        assert "ended FAILED: that is all" in result.stderr


def test_create_wait_times_out(cli: Cli, spec_file: Path) -> None:
    result = cli("create", "-f", str(spec_file), "--wait", "--timeout", "1s")
    assert result.exit_code == 124
    assert "is still QUEUED" in result.stderr
