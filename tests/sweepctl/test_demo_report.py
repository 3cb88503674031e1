from __future__ import annotations

import json
from pathlib import Path

import pytest
from asking import Service

from sweepctl.demo_report import Story, summary, tell, to_explain, trial_of, write
from sweepctl.state import StateFolder


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    made = StateFolder(tmp_path / "demo")
    made.open()
    return made


def story(service: Service, name: str) -> Story:
    sweep_id = service.sweeps[name].id
    with service.client() as client:
        result = client.result(sweep_id)
        number = to_explain(result)
        why = None if number is None else client.why(trial_of(sweep_id, number))
        return Story(client.get_sweep(sweep_id), result, why, Path(".demo"), 12.34)


def test_the_summary_has_what_a_checker_needs(service: Service, state: StateFolder) -> None:
    write(story(service, "done"), state)
    found = json.loads((state.root / "summary.json").read_text())
    assert found["sweep_id"] == service.sweeps["done"].id
    assert found["state"] == "DONE"
    assert found["counts"]["DONE"] == 3
    assert found["counts"]["STOPPED"] == 2
    assert found["best"]["trial"] == 1
    assert found["best"]["params"]["learning_rate"] == 0.1
    assert (found["best"]["metric"], found["best"]["value"]) == ("eval_loss", 1.0)
    assert 0 < found["compute_saved"] < 1
    assert found["tracking_uri"] == f"sqlite:///{state.root}/mlflow.db"
    assert found["experiment"] == "tests"
    assert found["elapsed_seconds"] == 12.3
    assert [row["reason"] for row in found["stopped"]] == ["median", "non_finite_loss"]


def test_a_sweep_without_a_best(service: Service, state: StateFolder) -> None:
    found = summary(story(service, "failed"), state)
    assert found["best"] is None
    assert found["experiment_id"] is None
    json.dumps(found, allow_nan=False)


def test_what_is_told(service: Service, capsys: pytest.CaptureFixture[str]) -> None:
    told = story(service, "done")
    tell(told, "http://mlflow")
    out = capsys.readouterr().out
    short = told.sweep.id[:12]
    assert f"$ sweepctl why {short}/3" in out
    assert "Its eval_loss is worse than the median of its cohort." in out
    assert "sweepctl up --state .demo --no-agent" in out
    assert "3 DONE, 2 STOPPED" in out
    assert "Compute saved:" in out
    assert "RANK" in out


def test_with_nothing_stopped_there_is_nothing_to_explain(
    service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    told = story(service, "queued")
    assert told.why is None
    tell(told, "http://mlflow")
    out = capsys.readouterr().out
    assert "sweepctl why" not in out
    assert "http://mlflow" in out
