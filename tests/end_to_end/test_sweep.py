"""Whole sweeps through `sweepctl up`: CLI, service, agent, driver, Ray, MLflow."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import mlflow
import pytest
from e2e_support import sft_spec
from mlflow.entities import Run
from running import Running, wait_until
from tests_support import toy_spec

from sweeps.journal import Entry, fold
from sweeps.trial import TrialRecord

pytestmark = pytest.mark.xdist_group("up")


def journal(up: Running, sweep_id: str) -> list[Entry]:
    return list(up.client.entries(sweep_id))


def finals(up: Running, sweep_id: str) -> dict[int, tuple[object, ...]]:
    """All that a trial measured, without what wall time made."""
    return {n: measured(r) for n, r in fold(journal(up, sweep_id)).trials.items()}


def measured(record: TrialRecord) -> tuple[object, ...]:
    reports = [record.reports[point] for point in sorted(record.reports)]
    return tuple(
        (r.point, r.samples, r.metrics, r.window.model_copy(update={"tokens_per_second": None}))
        for r in reports
    )


def children(up: Running, sweep_id: str) -> list[Run]:
    client = mlflow.MlflowClient(up.mlflow_url)
    experiment = client.get_experiment_by_name("default")
    assert experiment is not None
    found = client.search_runs([experiment.experiment_id], f"tags.`sweep.id` = '{sweep_id}'")
    return [run for run in found if "mlflow.parentRunId" in run.data.tags]


@pytest.fixture(scope="module")
def quiet(up: Running) -> str:
    """The same sweep with nothing happening to it, one trial at a time: a worker less to start."""
    sweep = up.client.create_sweep(sft_spec("quiet", up.folder, resources={"max_parallel": 1}))
    assert up.ended(sweep.id).state == "DONE", up.driver_log(sweep.id)
    return sweep.id


def test_a_quiet_sweep_ends_with_a_ranking(up: Running, quiet: str) -> None:
    result = up.client.result(quiet)
    assert len(result.ranking) == 3
    assert result.best is not None
    values = [row.final for row in result.ranking]
    assert values == sorted(values)
    entries = journal(up, quiet)
    assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))


def test_mlflow_has_one_run_for_each_trial_with_curves_against_samples(
    up: Running, quiet: str
) -> None:
    runs = children(up, quiet)
    client = mlflow.MlflowClient(up.mlflow_url)
    assert len(runs) == 3
    for run in runs:
        assert run.info.status == "FINISHED"
        assert run.data.params["learning_rate"] in ("0.001", "0.003", "0.01")
        assert run.data.params["global_batch_size"] == "4"
        for key in ("loss", "grad_norm", "learning_rate"):
            history = client.get_metric_history(run.info.run_id, key)
            assert [point.step for point in history] == list(range(4, 404, 4))
        evaluated = client.get_metric_history(run.info.run_id, "eval_loss")
        assert [point.step for point in evaluated] == [80, 160, 240, 320, 400]


def test_a_killed_driver_changes_nothing(up: Running, quiet: str) -> None:
    sweep = up.client.create_sweep(sft_spec("killed", up.folder))
    wait_until(lambda: reported(up, sweep.id) >= 3, 90, lambda: up.driver_log(sweep.id))
    (driver,) = up.find("workers.driver")
    os.kill(driver.pid, signal.SIGKILL)
    assert up.ended(sweep.id).state == "DONE", up.driver_log(sweep.id)
    assert finals(up, sweep.id) == finals(up, quiet)
    attempts = [len(r.attempts) for r in fold(journal(up, sweep.id)).trials.values()]
    assert max(attempts) > 1
    client = mlflow.MlflowClient(up.mlflow_url)
    for run in children(up, sweep.id):
        assert run.info.status == "FINISHED"
        history = client.get_metric_history(run.info.run_id, "loss")
        assert [point.step for point in history] == list(range(4, 404, 4))


def reported(up: Running, sweep_id: str) -> int:
    return sum(entry.body.type == "report" for entry in journal(up, sweep_id))


def test_pruned_trials_are_killed_in_mlflow_with_their_reason(up: Running) -> None:
    rates = {
        "global_batch_size": {"value": 16},
        "learning_rate": {"values": [0.5, 0.4, 0.3, 0.01]},
    }
    spec = toy_spec(parameters=rates, pruning={"type": "median"}, resources={"max_parallel": 1})
    sweep = up.client.create_sweep(spec)
    assert up.ended(sweep.id).state == "DONE", up.driver_log(sweep.id)
    (pruned,) = [run for run in children(up, sweep.id) if run.info.status == "KILLED"]
    assert pruned.data.tags["sweep.prune.reason"] == "median"
    assert pruned.data.params["learning_rate"] == "0.01"
    (trial,) = up.client.list_trials(sweep.id, state="STOPPED").items
    why = up.client.why(trial.id)
    assert why.message == pruned.data.tags["sweep.prune.message"]
    parent = mlflow.MlflowClient(up.mlflow_url).get_run(pruned.data.tags["mlflow.parentRunId"])
    assert parent.info.status == "FINISHED"
    assert "DONE" in parent.data.tags["mlflow.note.content"]


@pytest.mark.slow
def test_pause_resume_and_cancel(up: Running) -> None:
    slow = {"recipe": "toy", "options": {"step_seconds": 0.1}}
    sweep = up.client.create_sweep(toy_spec(workload=slow))
    wait_until(lambda: reported(up, sweep.id) >= 1, 60, lambda: up.driver_log(sweep.id))
    up.client.pause(sweep.id)
    wait_until(
        lambda: up.client.get_sweep(sweep.id).state == "PAUSED" and not up.find("workers.driver"),
        60,
        lambda: up.driver_log(sweep.id),
    )
    up.client.resume(sweep.id)
    before = reported(up, sweep.id)
    wait_until(lambda: reported(up, sweep.id) > before, 60, lambda: up.driver_log(sweep.id))
    up.client.cancel(sweep.id)
    assert up.ended(sweep.id).state == "CANCELLED"
    states = {trial.state for trial in up.client.every_trial(sweep.id)}
    assert states <= {"STOPPED", "DONE"}


@pytest.mark.slow
def test_a_cell_that_runs_out_of_memory_fails_alone_and_says_why(up: Running) -> None:
    """Step by step further than its last checkpoint, and never past the thirteenth step."""
    starts = up.folder / "oom-starts"
    options = {"step_seconds": 0.1, "oom_at": 12, "raise_rate": 0.1, "starts_file": str(starts)}
    spec = toy_spec(
        workload={"recipe": "toy", "options": options},
        resources={"max_attempts": 2},
        checkpoints={"keep_best": 2},
    )
    sweep = up.client.create_sweep(spec)
    ended = up.ended(sweep.id)
    assert (ended.state, ended.trials) == ("DONE", {"FAILED": 1, "DONE": 3}), ended.message
    failed = next(up.client.every_trial(sweep.id, state="FAILED"))
    assert [one.ended for one in up.client.get_trial(failed.id).history] == ["failed", "failed"]
    begun = [line.split()[1] for line in starts.read_text().splitlines() if line[:4] == "0.1 "]
    assert begun[0] == "0"
    assert 0 < int(begun[1]) <= 12, "the second attempt goes on from a checkpoint"
    told = cli(up, "why", failed.id)
    assert "torch.OutOfMemoryError: CUDA out of memory" in told
    assert "Traceback" in told
    trials = up.folder / "state" / "storage" / "sweeps" / sweep.id / "trials"
    left = {int(path.parent.name) for path in trials.glob("*/checkpoints")}
    best = [row.trial for row in up.client.result(sweep.id).ranking[:2]]
    assert left == {failed.number, *best}
    assert f"The weights of trial {best[0]}: {trials}" in ended.message
    (tagged,) = [
        r for r in children(up, sweep.id) if r.data.tags["sweep.trial_number"] == str(best[0])
    ]
    assert tagged.data.tags["sweep.checkpoint"].endswith("/step-00000020")


def cli(up: Running, *words: str) -> str:
    """What a command prints."""
    environment = {**os.environ, "XDG_CONFIG_HOME": str(up.folder / "config"), "COLUMNS": "200"}
    command = [sys.executable, "-m", "sweepctl", *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_stop_one_trial(up: Running) -> None:
    slow = {"recipe": "toy", "options": {"step_seconds": 0.3}}
    sweep = up.client.create_sweep(toy_spec(workload=slow))
    wait_until(lambda: reported(up, sweep.id) >= 1, 60, lambda: up.driver_log(sweep.id))
    first = next(up.client.every_trial(sweep.id))
    up.client.stop_trial(first.id)
    assert up.ended(sweep.id).state == "DONE"
    trials = {trial.number: trial for trial in up.client.every_trial(sweep.id)}
    assert (trials[0].state, trials[0].reason) == ("STOPPED", "user")
    assert {trials[n].state for n in (1, 2, 3)} == {"DONE"}


@pytest.mark.slow
def test_two_sweeps_share_the_slots_and_neither_starves(up: Running) -> None:
    # The first lasts until the second's driver is up, on a machine that is busy, too.
    slow, quick = ({"recipe": "toy", "options": {"step_seconds": s}} for s in (0.8, 0.1))
    first = up.client.create_sweep(toy_spec(workload=slow))
    wait_until(lambda: reported(up, first.id) >= 1, 60, lambda: up.driver_log(first.id))
    second = up.client.create_sweep(toy_spec(workload=quick))
    wait_until(lambda: reported(up, second.id) >= 1, 60, lambda: up.driver_log(second.id))
    assert up.client.get_sweep(first.id).state == "RUNNING"
    assert up.ended(first.id).state == "DONE"
    assert up.ended(second.id).state == "DONE"


def test_a_service_that_is_silent_for_longer_than_a_lease_costs_nothing(up: Running) -> None:
    # Two trials that run at once, for longer than the service is silent.
    slow = {"recipe": "toy", "options": {"step_seconds": 0.6}}
    axes = {"global_batch_size": {"value": 16}, "learning_rate": {"values": [0.1, 0.5]}}
    sweep = up.client.create_sweep(toy_spec(workload=slow, parameters=axes))
    wait_until(lambda: reported(up, sweep.id) >= 1, 60, lambda: up.driver_log(sweep.id))
    (driver,) = up.find("workers.driver")
    (service,) = [p for p in up.find("-m service") if "migrate" not in p.cmdline()]
    service.suspend()
    time.sleep(7)  # a lease is 5 s here
    service.resume()
    assert up.ended(sweep.id).state == "DONE", up.driver_log(sweep.id)
    records = fold(journal(up, sweep.id)).trials.values()
    assert [len(record.attempts) for record in records] == [1, 1]
    # The same driver all along, and it ended by itself.
    wait_until(lambda: not driver.is_running(), 20)


@pytest.mark.slow
def test_a_killed_agent_takes_its_ray_along_and_changes_nothing(up: Running, quiet: str) -> None:
    sweep = up.client.create_sweep(sft_spec("agent-killed", up.folder))
    wait_until(lambda: reported(up, sweep.id) >= 3, 90, lambda: up.driver_log(sweep.id))
    (agent,) = up.find("workers.agent")
    os.kill(agent.pid, signal.SIGKILL)
    assert up.ended(sweep.id, 180).state == "DONE", up.driver_log(sweep.id)
    assert finals(up, sweep.id) == finals(up, quiet)


@pytest.mark.slow
def test_more_cores_than_there_are_fail_the_sweep_and_name_the_field(up: Running) -> None:
    sweep = up.client.create_sweep(toy_spec(resources={"cpus_per_trial": 64}))
    ended = up.ended(sweep.id)
    assert ended.state == "FAILED"
    assert "/spec/resources/cpus_per_trial" in ended.message


def test_data_that_is_not_there_fails_the_sweep_and_names_the_field(up: Running) -> None:
    spec = sft_spec("no-data", up.folder / "nowhere")
    sweep = up.client.create_sweep(spec)
    ended = up.ended(sweep.id)
    assert ended.state == "FAILED"
    assert "/spec/workload/data/train" in ended.message
    assert "SWEEP_DATA_ROOTS" in ended.message


def test_the_cli_waits_and_shows(up: Running, quiet: str) -> None:
    said = [
        cli(up, *words)
        for words in (["wait", quiet], ["result", "quiet"], ["watch", "quiet"], ["why", "quiet/0"])
    ]
    assert "Trial 0 is DONE" in said[-1]
