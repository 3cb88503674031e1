from __future__ import annotations

import json

import yaml
from asking import Cli, Service
from stories import Script, make_report, make_spec

from sweepctl.result import pruning, view
from sweeps.result import make_result
from sweeps.trial import Action, Evidence, Verdict, trial_id


def test_the_ranking_and_what_was_stopped(cli: Cli) -> None:
    out = cli("result", "done").stdout
    lines = [line.split() for line in out.splitlines()]
    assert ["RANK", "TRIAL", "EVAL_LOSS", "STDERR", "GLOBAL_BATCH_SIZE", "LEARNING_RATE"] in lines
    ranks = [line[:3] for line in lines if line[:1] in (["1"], ["2"], ["3"]) and len(line) == 6]
    # Single runs without an error bar: none is told from another.
    assert ranks == [["1", "1", "1"], ["1", "2", "1.2"], ["1", "0", "1.5"]]
    assert "Trial 1 has the best eval_loss of 3 single runs, 1, no error bar" in out
    assert "Compute saved:" in out
    assert "median" in out
    assert "non_finite_loss" in out
    assert "`median` condemned 1 of 5 trials" in out


def test_what_pruning_promised_and_what_was_measured() -> None:
    script = Script()
    script.run(2.0)
    told = Verdict(
        action=Action.CONTINUE,
        reason="audit",
        message="Condemned.",
        evidence=Evidence(details={"miss_risk": 0.04, "agreement": 0.5}),
        audit=True,
    )
    audit = script.ask()
    script.say(audit, make_report(2, 2.0), told)
    script.say(audit, make_report(10, 1.0))
    script.end(audit)
    found = make_result(make_spec(pruning={"type": "early_dynamics"}), script.story)
    assert found.pruning is not None
    rows = dict(pruning(found.pruning))
    assert rows == {
        "Pruner": "early_dynamics",
        "Condemned": "1 of 2 (1 ran on as audits)",
        "Risk asked for": "10.0 %",
        "Risk estimated": "4.0 %",
        "False kills": "1 of 1, 100.0 % (95 % 20.7 % to 100.0 %)",
        "Signals agree": "0.5",
    }
    parts = view(found)
    assert found.pruning.sentence in parts
    assert "Trial 1, the best, had been condemned" in found.pruning.sentence
    median = make_result(make_spec(pruning={"type": "median"}), script.story)
    assert median.pruning is not None
    assert set(dict(pruning(median.pruning))) >= {"Pruner", "Condemned"}


def test_no_word_of_pruning_where_nothing_was_condemned() -> None:
    script = Script()
    script.run(2.0)
    found = make_result(make_spec(), script.story)
    assert not any("condemned" in part for part in view(found) if isinstance(part, str))


def test_a_sweep_that_still_runs(cli: Cli) -> None:
    assert "SO FAR" not in cli("result", "paused", "-o", "wide").stdout
    assert "No recommendation" in cli("result", "queued").stdout


def test_formats(cli: Cli, service: Service) -> None:
    found = json.loads(cli("result", "done", "-o", "json").stdout)
    assert found["best"]["trial"] == 1
    assert (found["pruning"]["condemned"], found["pruning"]["rate"]) == (1, None)
    assert yaml.safe_load(cli("result", "done", "-o", "yaml").stdout) == found
    names = cli("result", "done", "-o", "name").stdout.split()
    assert names == [trial_id(service.sweeps["done"].id, number) for number in (1, 2, 0)]
    wide = cli("result", "done", "-o", "wide").stdout
    assert "SECONDS" in wide
