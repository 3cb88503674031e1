"""A verdict is stored before MLflow shows it, so no crash leaves a stop without its explanation."""

from __future__ import annotations

import os
import signal
import time

import mlflow
import pytest
from mlflow.entities import Run
from running import Running, wait_until
from tests_support import toy_spec

from sweeps.journal import Entry, Reported
from sweeps.trial import Action
from workers.book import read_spool

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("up")]


def stops(entries: list[Entry]) -> list[Reported]:
    """The reports that were answered with a stop."""
    bodies = [entry.body for entry in entries]
    return [b for b in bodies if isinstance(b, Reported) and b.verdict.action is Action.STOP]


def shown(up: Running, sweep_id: str) -> list[Run]:
    """The runs of the sweep that say why they were stopped."""
    client = mlflow.MlflowClient(up.mlflow_url)
    experiment = client.get_experiment_by_name("default")
    assert experiment is not None
    wanted = f"tags.`sweep.id` = '{sweep_id}'"
    found = client.search_runs([experiment.experiment_id], wanted)
    return [run for run in found if "sweep.prune.reason" in run.data.tags]


def test_a_verdict_that_the_service_has_not_got_is_shown_nowhere_and_outlives_its_driver(
    up: Running,
) -> None:
    spec = toy_spec(
        workload={"recipe": "toy", "options": {"step_seconds": 0.5}},
        parameters={
            "global_batch_size": {"value": 32},
            "learning_rate": {"values": [0.5, 0.4, 0.3, 0.01]},
        },
        horizon={"samples": 128},
        report={"points": 2},
        pruning={"type": "median"},
        resources={"max_parallel": 1},
    )
    sweep = up.client.create_sweep(spec)
    path = up.folder / "state" / "storage" / "sweeps" / sweep.id / "journal.jsonl"

    def began() -> bool:
        bodies = [entry.body for entry in read_spool(path)]
        return any(body.type == "attempt_started" and body.trial == 3 for body in bodies)

    wait_until(began, 120, lambda: up.driver_log(sweep.id))
    (service,) = [p for p in up.find("-m service") if "migrate" not in p.cmdline()]
    (driver,) = up.find("workers.driver")
    service.suspend()
    try:
        wait_until(lambda: bool(stops(read_spool(path))), 30, lambda: up.driver_log(sweep.id))
        (said,) = stops(read_spool(path))
        time.sleep(3)  # MLflow is written every second
        assert not shown(up, sweep.id)
        os.kill(driver.pid, signal.SIGKILL)
    finally:
        service.resume()
    assert up.ended(sweep.id).state == "DONE", up.driver_log(sweep.id)
    assert stops(list(up.client.entries(sweep.id))) == [said]
    (run,) = shown(up, sweep.id)
    assert run.info.status == "KILLED"
    assert run.data.tags["sweep.prune.message"] == said.verdict.message
    trial = next(up.client.every_trial(sweep.id, state="STOPPED"))
    assert up.client.why(trial.id).message == said.verdict.message
