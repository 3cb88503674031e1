from __future__ import annotations

import json

import pytest
import yaml
from asking import Cli, Service
from stories import make_report

from service.schemas import ReportLine, TrialDetail
from sweepctl.describe import cut_facts
from sweeps.spec import parse
from sweeps.trial import BatchCut


def test_a_sweep_is_told_whole(cli: Cli, service: Service) -> None:
    out = cli("describe", "sweep", "done").stdout
    assert service.sweeps["done"].id in out
    assert "State:" in out
    assert "DONE" in out
    assert "3 DONE, 2 STOPPED" in out
    spec = yaml.safe_load(out.partition("Spec:\n")[2])
    assert parse(spec).metadata.name == "done"


def test_a_trial_is_told_with_its_reports(cli: Cli) -> None:
    out = cli("describe", "trial", "done/3").stdout
    assert "STOPPED" in out
    assert "Its eval_loss is worse than the median of its cohort." in out
    assert "stopped" in out
    wide = cli("describe", "trial", "done/3", "-o", "wide").stdout
    assert "NON-FINITE" in wide
    assert "NON-FINITE" not in out


def test_a_trial_without_reports(cli: Cli) -> None:
    out = cli("describe", "trial", "failed/0").stdout
    assert "RuntimeError: no [memory]" in out
    assert "POINT" not in out


def test_a_running_attempt_and_a_waiting_command(cli: Cli, service: Service) -> None:
    assert "running" in cli("describe", "trial", "running/1").stdout
    cli("stop", "running/1")
    assert "stop_trial 1" in cli("describe", "sweep", "running").stdout


@pytest.mark.parametrize("what", [("sweep", "running"), ("trial", "running/1")])
def test_every_format_parses(cli: Cli, what: tuple[str, str]) -> None:
    whole = json.loads(cli("describe", *what, "-o", "json").stdout)
    assert yaml.safe_load(cli("describe", *what, "-o", "yaml").stdout)["id"] == whole["id"]
    assert cli("describe", *what, "-o", "name").stdout.strip() == whole["id"]
    assert cli("describe", *what, "-o", "wide").exit_code == 0


def test_nan_in_a_report_is_the_wires_string(cli: Cli) -> None:
    whole = json.loads(cli("describe", "trial", "running/1", "-o", "json").stdout)
    report = whole["reports"][0]["report"]
    assert report["metrics"]["eval_loss"] == "NaN"
    assert report["window"]["loss"]["value"] == "NaN"
    assert report["window"]["tokens_per_second"] is None


def test_how_the_batch_was_cut_is_told_by_the_last_report_that_says_so() -> None:
    cuts = [
        BatchCut(
            effective_batch_size=16,
            devices=1,
            per_device_train_batch_size=size,
            gradient_accumulation_steps=16 // size,
            halvings=halvings,
        )
        for size, halvings in ((8, 0), (4, 1))
    ]
    made = [make_report(1 + n).model_copy(update={"cut": cut}) for n, cut in enumerate(cuts)]
    lines = [ReportLine.model_construct(report=report) for report in (*made, make_report(3))]
    ((name, said),) = cut_facts(TrialDetail.model_construct(reports=lines))
    assert (name, said) == ("Micro-batch", cuts[1].sentence())
    assert "stays comparable" in said
    assert cut_facts(TrialDetail.model_construct(reports=lines[2:])) == []
