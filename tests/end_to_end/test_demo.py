"""`make demo`'s command, whole, and what MLflow's own client finds in its store."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import mlflow
import psutil
import pytest
from mlflow.entities import Run

MARK = "SWEEPCTL_TEST_MARK"
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The state folder of a finished demo and what it printed."""
    folder = tmp_path_factory.mktemp("demo")
    mark = f"demo-{os.getpid()}-{time.monotonic_ns()}"
    done = subprocess.run(
        [sys.executable, "-m", "sweepctl", "demo", "--state", str(folder / ".demo")],
        capture_output=True,
        text=True,
        timeout=1100,
        env={**os.environ, "XDG_CONFIG_HOME": str(folder / "config"), MARK: mark},
    )
    assert done.returncode == 0, done.stderr[-4000:]
    _, left = psutil.wait_procs(_marked(mark), timeout=30)
    assert not left, f"left behind: {left}"
    return folder / ".demo", done.stdout + done.stderr


def _marked(mark: str) -> list[psutil.Process]:
    """Everything that the demo started, whoever its parent is now."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == mark:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.ZombieProcess, psutil.AccessDenied):
            continue
    return found


def summary(state: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((state / "summary.json").read_text())
    return found


def runs(state: Path) -> tuple[mlflow.MlflowClient, Run, list[Run]]:
    client = mlflow.MlflowClient(f"sqlite:///{state / 'mlflow.db'}")
    said = summary(state)
    parent = client.get_run(said["run_id"])
    clause = f"tags.mlflow.parentRunId = '{said['run_id']}'"
    return client, parent, list(client.search_runs([said["experiment_id"]], clause))


def test_it_ends_with_finished_and_stopped_trials_and_a_winner(demo: tuple[Path, str]) -> None:
    state, printed = demo
    said = summary(state)
    assert said["state"] == "DONE"
    assert sum(said["counts"].values()) >= 12
    assert said["counts"]["DONE"] >= 4
    assert said["counts"]["STOPPED"] >= 1
    assert said["counts"]["FAILED"] == 0
    assert all(row["message"] for row in said["stopped"])
    assert 0 < said["compute_saved"] < 1
    # About two minutes on two idle cores. This machine may have other things to do.
    assert said["elapsed_seconds"] < 900
    assert said["best"]["params"]["learning_rate"] > 0
    assert (state / "service.db").exists()
    assert "sweepctl why" in printed
    assert "sweepctl up --state" in printed


def test_the_winner_has_learned(demo: tuple[Path, str]) -> None:
    client, _, children = runs(demo[0])
    best = summary(demo[0])["best"]["trial_id"]
    (run,) = [run for run in children if run.data.tags["sweep.trial_id"] == best]
    history = client.get_metric_history(run.info.run_id, "loss")
    first = sum(point.value for point in history[:10]) / 10
    last = sum(point.value for point in history[-10:]) / 10
    assert last < first / 2
    assert run.data.metrics["eval_skill_exact_match"] > 0.1


def test_mlflow_shows_one_parent_and_one_child_for_each_trial(demo: tuple[Path, str]) -> None:
    client, parent, every = runs(demo[0])
    said = summary(demo[0])
    (base,) = [run for run in every if run.data.tags["sweep.role"] == "base"]
    assert base.info.status == "FINISHED"
    assert base.data.metrics["eval_skill_loss"] > 0
    children = [run for run in every if run.data.tags["sweep.role"] == "search"]
    assert len(children) == len(every) - 1 == sum(said["counts"].values())
    assert len({run.data.tags["sweep.trial_id"] for run in children}) == len(children)
    assert parent.info.status == "FINISHED"
    assert "DONE" in parent.data.tags["mlflow.note.content"]
    names = {"learning_rate", "global_batch_size", "warmup_steps"}
    for run in children:
        assert names <= set(run.data.params)
        batch = int(run.data.params["global_batch_size"])
        for key in ("loss", "grad_norm", "learning_rate"):
            steps = [p.step for p in client.get_metric_history(run.info.run_id, key)]
            assert steps == list(range(batch, steps[-1] + 1, batch))
    killed = [run for run in children if run.info.status == "KILLED"]
    assert len(killed) == said["counts"]["STOPPED"]
    assert all(run.data.tags["sweep.prune.reason"] for run in killed)
