"""What failed runs again under a real driver, also when the sweep had ended; a budget grows."""

from __future__ import annotations

import mlflow
import pytest
from running import Running, wait_until
from tests_support import toy_spec

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("up")]


def test_a_larger_budget_and_a_retry_after_the_end(up: Running) -> None:
    marker = up.folder / "failed-once"
    options = {"step_seconds": 0.03, "raise_at": 5, "raise_rate": 0.1, "marker": str(marker)}
    spec = toy_spec(
        workload={"recipe": "toy", "options": options},
        parameters={
            "global_batch_size": {"values": [16]},
            "learning_rate": {"values": [0.1, 0.2, 0.5]},
        },
        resources={"max_attempts": 1, "max_parallel": 1},
        budget={"trials": 1},
    )
    sweep = up.client.create_sweep(spec)
    found = up.client.patch_sweep(sweep.id, sweep.revision, max_parallel=2, budget_trials=3)
    assert (found.revision, found.budget_trials) == (2, 3)
    ended = up.ended(sweep.id)
    log = up.driver_log(sweep.id)
    assert (ended.state, ended.trials, ended.pending) == ("DONE", {"FAILED": 1, "DONE": 2}, []), log

    failed = next(up.client.every_trial(sweep.id, state="FAILED"))
    up.client.retry_trial(failed.id)
    wait_until(
        lambda: up.client.get_sweep(sweep.id).ended_at is not None,
        60,
        lambda: up.driver_log(sweep.id),
    )
    again = up.client.get_sweep(sweep.id)
    assert (again.state, again.trials) == ("DONE", {"DONE": 3}), up.driver_log(sweep.id)
    assert [one.ended for one in up.client.get_trial(failed.id).history] == ["failed", "finished"]
    assert len(up.client.result(sweep.id).ranking) == 3
    states = [one.data["state"] for one in up.client.events(sweep.id) if one.type == "sweep"]
    assert states == ["QUEUED", "RUNNING", "DONE", "QUEUED", "RUNNING", "DONE"]
    client = mlflow.MlflowClient(up.mlflow_url)
    assert again.tracking is not None
    assert again.tracking.run_id is not None
    parent = client.get_run(again.tracking.run_id)
    runs = client.search_runs([parent.info.experiment_id], f"tags.`sweep.id` = '{sweep.id}'")
    assert {run.info.status for run in runs} == {"FINISHED"}
