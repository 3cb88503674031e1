from __future__ import annotations

import json

import yaml
from asking import Cli


def test_a_verdict_with_its_evidence(cli: Cli) -> None:
    out = cli("why", "done/3").stdout
    assert "Trial 3 is STOPPED (pruned)" in out
    assert "Its eval_loss is worse than the median of its cohort." in out
    facts = {
        line.split(":")[0]: line.split(":", 1)[1].strip()
        for line in out.splitlines()
        if ":" in line
    }
    assert facts["Signal"] == "eval_loss"
    assert facts["Value"] == "2.5"
    assert facts["Cutoff"] == "1.25"
    assert facts["Peers"] == "trials 0, 1, 2"
    assert facts["Decided at"] == "point 3, 300 samples"
    assert "Probability" not in facts, "what was not measured is left out"
    assert "trl_" in cli("why", "done/3", "-o", "wide").stdout


def test_a_guard_and_an_error(cli: Cli) -> None:
    guarded = cli("why", "done/4").stdout
    assert "Guard:" in guarded
    assert "non_finite_loss" in guarded
    failed = cli("why", "failed/0").stdout
    assert "RuntimeError: no [memory]" in failed


def test_before_the_first_report(cli: Cli) -> None:
    out = cli("why", "running/2").stdout
    assert "Trial 2 is PENDING" in out
    assert "Samples:" in out


def test_formats(cli: Cli) -> None:
    found = json.loads(cli("why", "done/3", "-o", "json").stdout)
    assert found["verdict"]["evidence"]["cutoff"] == 1.25
    assert yaml.safe_load(cli("why", "done/3", "-o", "yaml").stdout) == found
    assert cli("why", "done/3", "-o", "name").stdout.strip() == found["trial_id"]
