from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow_server import MlflowServer
from tracking import history, make_trial_run, until, write_steps

from workers.sinks.metric_shipper import MetricShipper, ship_rest
from workers.sinks.metric_spool import MetricSpool
from workers.sinks.mlflow_api import find_trial_run


@pytest.fixture
def shipper(server: MlflowServer) -> Iterator[MetricShipper]:
    shipper = MetricShipper(server.uri, poll_seconds=0.05)
    yield shipper
    shipper.close(0.1)


@pytest.fixture
def trial() -> str:
    return f"trl_{uuid.uuid4().hex}"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "metrics.jsonl"


def expected(last: int) -> list[tuple[int, float]]:
    return [(step, 1 / step) for step in range(1, last + 1)]


def test_follows_a_spool_while_it_is_written(
    client: MlflowClient, project: str, shipper: MetricShipper, trial: str, path: Path
) -> None:
    run_id = make_trial_run(client, project, trial)
    shipper.watch(trial, path)
    spool = MetricSpool(path)
    for step in range(1, 6):
        spool.append(step, {"loss": 1 / step})
        until(lambda here=step: len(history(client, run_id)) == here)
    assert history(client, run_id) == expected(5)
    spool.close()


def test_waits_for_the_driver_to_make_the_run(
    client: MlflowClient, project: str, shipper: MetricShipper, trial: str, path: Path
) -> None:
    shipper.watch(trial, path)
    write_steps(path, 1, 5)
    assert not shipper.flush(0.3)
    run_id = make_trial_run(client, project, trial)
    assert shipper.flush(30)
    assert history(client, run_id) == expected(5)


def test_many_trials_without_a_run_ask_one_question_at_a_time(
    client: MlflowClient, project: str, server: MlflowServer, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    asked: list[str] = []

    def found(here: MlflowClient, trial_id: str) -> str | None:
        asked.append(trial_id)
        return find_trial_run(here, trial_id) if runs else None

    monkeypatch.setattr("workers.sinks.metric_shipper.find_trial_run", found)
    trials, runs = [f"trl_{uuid.uuid4().hex}" for _ in range(30)], list[str]()
    shipper = MetricShipper(server.uri, poll_seconds=0.2)
    for number, trial in enumerate(trials):
        write_steps(tmp_path / f"{number}.jsonl", 1, 3)
        shipper.watch(trial, tmp_path / f"{number}.jsonl")
    asked.clear()
    time.sleep(1.0)
    # Five passes, and one question in each; not always about the same trial.
    assert 2 <= len(asked) <= 7
    assert len(set(asked)) > 1
    runs += [make_trial_run(client, project, trial) for trial in trials]
    for trial in trials:
        shipper.release(trial)
    until(lambda: not shipper._watches, 60)
    assert all(history(client, run_id) == expected(3) for run_id in runs)
    shipper.close(5)


def test_a_released_trial_still_arrives(
    client: MlflowClient, project: str, shipper: MetricShipper, trial: str, path: Path
) -> None:
    shipper.watch(trial, path)
    write_steps(path, 1, 5)
    shipper.release(trial)
    run_id = make_trial_run(client, project, trial)
    until(lambda: history(client, run_id) == expected(5))
    # ... and is then forgotten: later points are another attempt's.
    until(lambda: not shipper._watches)
    write_steps(path, 6, 7)
    assert shipper.flush(30)
    assert history(client, run_id) == expected(5)
    shipper.watch(trial, path)
    assert shipper.flush(30)
    assert history(client, run_id) == expected(7)


def test_releasing_an_unknown_trial_is_nothing(shipper: MetricShipper) -> None:
    shipper.release("trl_unknown")
    assert shipper.flush(30)


def test_every_point_arrives_once_and_in_order_after_an_outage(
    server: MlflowServer,
    client: MlflowClient,
    project: str,
    shipper: MetricShipper,
    trial: str,
    path: Path,
) -> None:
    run_id = make_trial_run(client, project, trial)
    late, later_path = f"{trial}late", path.with_name("late.jsonl")
    late_run = make_trial_run(client, project, late)
    shipper.watch(trial, path)
    spool = MetricSpool(path)
    step = 0
    while step < 300:
        step += 1
        spool.append(step, {"loss": 1 / step, "grad_norm": 2 / step})
    until(lambda: len(history(client, run_id)) > 0)
    server.kill()
    began = time.monotonic()
    for step in range(301, 1501):
        spool.append(step, {"loss": 1 / step, "grad_norm": 2 / step})
    # A trial that begins while MLflow is away.
    shipper.watch(late, later_path)
    write_steps(later_path, 1, 20)
    assert time.monotonic() - began < 5, "training must not wait for MLflow"
    assert not shipper.flush(0.5)
    server.start()
    assert shipper.flush(60)
    spool.append(1501, {"loss": 1 / 1501, "grad_norm": 2 / 1501})
    spool.close()
    assert shipper.close(30)
    assert history(client, run_id) == expected(1501)
    norms = [(step, 2 / step) for step in range(1, 1502)]
    assert history(client, run_id, "grad_norm") == norms
    assert history(client, late_run) == expected(20)


def test_a_run_that_was_deleted_is_looked_up_again(
    client: MlflowClient, project: str, shipper: MetricShipper, trial: str, path: Path
) -> None:
    gone = make_trial_run(client, project, trial)
    shipper.watch(trial, path)
    write_steps(path, 1, 3)
    assert shipper.flush(30)
    client.delete_run(gone)
    write_steps(path, 4, 5)
    assert not shipper.flush(0.3)
    run_id = make_trial_run(client, project, trial)
    assert shipper.flush(30)
    assert history(client, run_id) == expected(5)


def test_the_driver_ships_the_rest_of_a_worker_that_died(
    client: MlflowClient, project: str, trial: str, path: Path
) -> None:
    run_id = make_trial_run(client, project, trial)
    write_steps(path, 1, 10)
    ship_rest(client, run_id, path)
    write_steps(path, 11, 20)
    ship_rest(client, run_id, path)
    ship_rest(client, run_id, path.with_name("never_written.jsonl"))
    assert history(client, run_id) == expected(20)


def test_close_without_mlflow_comes_back_in_time(trial: str, path: Path) -> None:
    shipper = MetricShipper("http://127.0.0.1:9", poll_seconds=0.05)
    write_steps(path, 1, 3)
    shipper.watch(trial, path)
    began = time.monotonic()
    assert not shipper.close(0.5)
    assert time.monotonic() - began < 3
