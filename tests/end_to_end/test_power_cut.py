"""Everything of `sweepctl up` gone at once, and `up` again over the same folder."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import mlflow
import psutil
import pytest
from running import Running, wait_until
from tests_support import toy_spec

from sweeps.journal import Story, fold
from sweeps.trial import Report, TrialRecord


def story(up: Running, sweep: str) -> Story:
    return fold(up.client.entries(sweep))


def measured(record: TrialRecord) -> list[object]:
    """All that a trial measured, without what wall time made."""
    windows = [r.window.model_copy(update={"tokens_per_second": None}) for r in _reports(record)]
    return [*windows, *((r.point, r.samples, r.metrics) for r in _reports(record))]


def _reports(record: TrialRecord) -> list[Report]:
    return [record.reports[point] for point in sorted(record.reports)]


def cut_the_power(up: Running) -> None:
    """SIGKILL to `up` and all that it ever started, before any of them can say a word."""
    family = psutil.Process(up.process.pid).children(recursive=True)
    for process in (psutil.Process(up.process.pid), *family):
        process.suspend()
    for process in (psutil.Process(up.process.pid), *family):
        os.kill(process.pid, signal.SIGKILL)
    up.process.wait(30)
    _, left = psutil.wait_procs(family, timeout=30)
    assert not left, left


@pytest.mark.slow
def test_up_goes_on_where_it_was(tmp_path: Path) -> None:
    up = Running(tmp_path)
    slow = {"recipe": "toy", "options": {"step_seconds": 0.2}}
    sweep = up.client.create_sweep(toy_spec(workload=slow)).id
    wait_until(lambda: sum(len(r.reports) for r in story(up, sweep).trials.values()) >= 3, 90)
    cut_the_power(up)
    up = Running(tmp_path)
    try:
        assert up.ended(sweep).state == "DONE", up.driver_log(sweep)
        quiet = up.client.create_sweep(toy_spec()).id
        assert up.ended(quiet).state == "DONE", up.driver_log(quiet)
        left, right = story(up, sweep).trials, story(up, quiet).trials
        assert {n: measured(r) for n, r in left.items()} == {
            n: measured(r) for n, r in right.items()
        }
        assert max(len(record.attempts) for record in left.values()) == 2
        client = mlflow.MlflowClient(up.mlflow_url)
        found = client.get_experiment_by_name("default")
        assert found is not None
        runs = client.search_runs([found.experiment_id], f"tags.`sweep.id` = '{sweep}'")
        assert len(runs) == 5
        for run in runs:
            assert run.info.status == "FINISHED"
            if "sweep.trial_id" in run.data.tags:
                points = client.get_metric_history(run.info.run_id, "loss")
                assert [point.step for point in points] == list(range(16, 336, 16))
    finally:
        assert up.stop() in (0, 130)
