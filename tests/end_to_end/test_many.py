"""Many short trials through the whole stack: nothing is lost, and nothing is there twice."""

from __future__ import annotations

import time
from collections import Counter

import mlflow
import pytest
from mlflow.entities import Run
from running import Running
from tests_support import toy_spec

from sweeps.journal import fold

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.xdist_group("up")]

TRIALS = 200
SHOWN_AS = {"DONE": "FINISHED", "STOPPED": "KILLED"}


def every_run(up: Running, sweep_id: str) -> list[Run]:
    """The sweep's runs in MLflow, page by page, deleted ones too."""
    client = mlflow.MlflowClient(up.mlflow_url)
    experiment = client.get_experiment_by_name("default")
    assert experiment is not None
    found: list[Run] = []
    token: str | None = None
    while True:
        page = client.search_runs(
            [experiment.experiment_id],
            f"tags.`sweep.id` = '{sweep_id}'",
            run_view_type=mlflow.entities.ViewType.ALL,
            max_results=50,
            page_token=token,
        )
        found += page
        token = page.token
        if not token:
            return found


def test_200_trials_end_with_one_row_one_run_and_one_end_each(up: Running) -> None:
    # Good and bad rates in turn, so that some trials are pruned all along.
    rates = [0.3 + (k * 73 % TRIALS) * 0.003 for k in range(TRIALS)]
    spec = toy_spec(
        parameters={"global_batch_size": {"value": 16}, "learning_rate": {"values": rates}},
        horizon={"samples": 96},
        report={"points": 3},
        pruning={"type": "median"},
    )
    began = time.monotonic()
    sweep = up.client.create_sweep(spec)
    assert up.ended(sweep.id, 600).state == "DONE", up.driver_log(sweep.id)
    seconds = time.monotonic() - began
    print(f"{TRIALS} trials in {seconds:.1f} s, {TRIALS / seconds:.1f} a second")

    rows = {trial.number: trial for trial in up.client.every_trial(sweep.id)}
    assert sorted(rows) == list(range(TRIALS))
    assert len({trial.id for trial in rows.values()}) == TRIALS
    states = Counter(str(trial.state) for trial in rows.values())
    assert set(states) == {"DONE", "STOPPED"}, "a median prunes some and leaves some"

    entries = list(up.client.entries(sweep.id))
    assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))
    ends = Counter(entry.body.trial for entry in entries if entry.body.type == "attempt_ended")
    assert ends == dict.fromkeys(range(TRIALS), 1)
    records = fold(entries).trials
    assert {n: str(record.state) for n, record in records.items()} == {
        n: str(trial.state) for n, trial in rows.items()
    }

    runs = every_run(up, sweep.id)
    parents = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    assert [run.info.status for run in parents] == ["FINISHED"]
    children = [run for run in runs if "mlflow.parentRunId" in run.data.tags]
    named = Counter(run.data.tags["sweep.trial_id"] for run in children)
    assert named == {trial.id: 1 for trial in rows.values()}
    shown = {run.data.tags["sweep.trial_id"]: run.info.status for run in children}
    assert shown == {trial.id: SHOWN_AS[str(trial.state)] for trial in rows.values()}
    # Metrics are there too, each trial's up to the sample it ended at.
    last = {run.data.tags["sweep.trial_id"]: run.data.metrics.get("num_tokens") for run in children}
    assert last == {trial.id: 10.0 * trial.samples for trial in rows.values()}
