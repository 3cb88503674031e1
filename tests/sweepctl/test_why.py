from __future__ import annotations

import json

import yaml
from asking import Cli, make_trial
from rich.console import Console, RenderableType

from service.schemas import Why
from sweepctl.why import view
from sweeps.facts import facts, told
from sweeps.trial import GO_ON, Action, Evidence, Verdict


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


def test_the_facts_are_those_of_the_tags() -> None:
    details = {"point": 2.0, "samples": 200.0, "miss_risk": 0.04, "rank_loss": 3.0}
    evidence = Evidence(signal="loss", value=2.5, peers=[0, 4], probability=0.0125, details=details)
    verdict = Verdict(
        action=Action.CONTINUE, reason="audit", message="Condemned.", evidence=evidence, audit=True
    )
    seen = facts(verdict, 9, 900)
    now = make_trial(7)
    found = Why(
        **{name: getattr(now, name) for name in ("sweep_id", "number", "state", "reason")},
        **{"trial_id": now.id, "message": "It was condemned.", "verdict": GO_ON, "point": 9},
        **{"samples": 900, "peers": ["trl_" + "0" * 32], "guard": None, "error": None},
        facts=seen,
        verdicts=[seen],
    )
    lines, wide = _printed(view(found)), _printed(view(found, wide=True))
    shown = {line.split(":")[0]: line.split(":", 1)[1].strip() for line in lines if ":" in line}
    assert shown["Decided at"] == "point 2, 200 samples"
    assert shown["Verdict"] == "continue, runs on as an audit"
    named = told(seen)
    for label, name in (
        ("Signal", "signal"),
        ("Value", "value"),
        ("Probability", "probability"),
        ("Miss risk", "miss_risk"),
        ("Rank loss", "rank_loss"),
    ):
        assert shown[label] == named[name]
    assert shown["Peers"] == "trials 0, 4"
    assert any("continue (audit)" in line and "Condemned." in line for line in wide)


def _printed(parts: list[RenderableType]) -> list[str]:
    out = Console(width=300)
    with out.capture() as drawn:
        for part in parts:
            out.print(part)
    return drawn.get().splitlines()
