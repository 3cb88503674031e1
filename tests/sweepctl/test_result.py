from __future__ import annotations

import json

import yaml
from asking import Cli, Service

from sweeps.trial import trial_id


def test_the_ranking_and_what_was_stopped(cli: Cli) -> None:
    out = cli("result", "done").stdout
    lines = [line.split() for line in out.splitlines()]
    assert ["RANK", "TRIAL", "EVAL_LOSS", "STDERR", "GLOBAL_BATCH_SIZE", "LEARNING_RATE"] in lines
    ranks = [line[:3] for line in lines if line[:1] in (["1"], ["2"], ["3"]) and len(line) == 6]
    assert ranks == [["1", "1", "1"], ["2", "2", "1.2"], ["3", "0", "1.5"]]
    assert "Trial 1 is best" in out
    assert "Compute saved:" in out
    assert "median" in out
    assert "non_finite_loss" in out


def test_a_sweep_that_still_runs(cli: Cli) -> None:
    assert "SO FAR" not in cli("result", "paused", "-o", "wide").stdout
    assert "No recommendation" in cli("result", "queued").stdout


def test_formats(cli: Cli, service: Service) -> None:
    found = json.loads(cli("result", "done", "-o", "json").stdout)
    assert found["best"]["trial"] == 1
    assert yaml.safe_load(cli("result", "done", "-o", "yaml").stdout) == found
    names = cli("result", "done", "-o", "name").stdout.split()
    assert names == [trial_id(service.sweeps["done"].id, number) for number in (1, 2, 0)]
    wide = cli("result", "done", "-o", "wide").stdout
    assert "SECONDS" in wide
