from __future__ import annotations

import io
import json

import yaml
from asking import Cli, Service
from panels import base_row, finish, limited
from rich.console import Console
from stories import Script, make_report, make_spec

from sweepctl.result import pruning, view
from sweeps.result import Result, make_result
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


def shown(found: Result, *, wide: bool = False) -> str:
    out = Console(file=io.StringIO(), width=300, color_system=None)
    for part in view(found, wide):
        out.print(part)
    assert isinstance(out.file, io.StringIO)
    return out.file.getvalue()


def test_drops_stand_beside_the_ranking() -> None:
    """Those with a limit always, all that were measured with `wide`."""
    script = Script()
    base_row(script, eval_other_accuracy=0.5)
    finish(script, 0.1, 0.5, metrics={"eval_other_accuracy": 0.25})
    finish(script, 1.0, 0.75)
    found = make_result(limited(), script.story)
    out = shown(found)
    assert "Largest drop:" in out
    assert "eval_kept_accuracy 0.1" in out
    lines = [line.split() for line in out.splitlines()]
    rows = [line[:6] for line in lines if line[:2] in (["1", "2"], ["2", "(over)"])]
    assert rows == [["1", "2", "1", "-", "+0.05", "10"], ["2", "(over)", "1", "0.1", "-", "+0.3"]]
    assert "DROP OF EVAL_OTHER_ACCURACY" not in out.upper()
    assert "DROP OF EVAL_OTHER_ACCURACY" in " ".join(shown(found, wide=True).upper().split())


def test_what_unseen_sets_rank_says_so() -> None:
    data = {"train": "a", "eval": "b", "unseen": "c"}
    script = Script()
    number = script.ask()
    script.say(number, make_report(10, 1.25, metrics={"unseen_loss": 1.5}))
    script.end(number)
    spec = make_spec(workload={"model": {"tiny": "llama"}, "data": data})
    out = shown(make_result(spec, script.story))
    assert "unseen_loss, at the end alone" in out
    heads = ["RANK", "TRIAL", "UNSEEN_LOSS", "STDERR", "EVAL_LOSS"]
    lines = [line.split() for line in out.splitlines()]
    assert [line[:5] for line in lines if line[:1] == ["RANK"]] == [heads]
    assert ["1", "0", "1.5", "-", "1.25"] in [line[:5] for line in lines]
    assert "unseen_loss 1.5" in out


def test_an_audit_is_marked_in_the_ranking() -> None:
    script = Script()
    script.run(2.0, 1.0)
    script.audit(3.0, 0.5)
    spec = make_spec(pruning={"type": "median"})
    lines = [line.split() for line in shown(make_result(spec, script.story)).splitlines()]
    assert ["1", "1", "(audit)", "0.5"] in [line[:4] for line in lines]
    assert ["1", "0", "1"] in [line[:3] for line in lines]
