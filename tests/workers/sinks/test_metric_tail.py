from __future__ import annotations

import math
import threading
from pathlib import Path

import pytest
from mlflow import MlflowClient
from tracking import history, make_trial_run, spooled, write_steps

from workers.sinks.metric_spool import MetricSpool
from workers.sinks.metric_tail import MetricTail
from workers.sinks.mlflow_api import METRICS_PER_BATCH, send_points


@pytest.fixture
def run_id(client: MlflowClient, project: str) -> str:
    return make_trial_run(client, project, "trl_tail")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "metrics.jsonl"


def expected(last: int) -> list[tuple[int, float]]:
    return [(step, 1 / step) for step in range(1, last + 1)]


def test_ships_more_than_one_batch_and_then_what_came_later(
    client: MlflowClient, run_id: str, path: Path
) -> None:
    tail = MetricTail(path, run_id)
    tail.ship(client)
    write_steps(path, 1, METRICS_PER_BATCH + 5)
    tail.ship(client)
    assert history(client, run_id) == expected(METRICS_PER_BATCH + 5)
    write_steps(path, METRICS_PER_BATCH + 6, METRICS_PER_BATCH + 9)
    tail.ship(client)
    assert history(client, run_id) == expected(METRICS_PER_BATCH + 9)


def test_times_in_mlflow_are_those_of_the_spool(
    client: MlflowClient, run_id: str, path: Path
) -> None:
    write_steps(path, 1, 3)
    MetricTail(path, run_id).ship(client)
    times = [metric.timestamp for metric in client.get_metric_history(run_id, "loss")]
    assert times == [point.timestamp for point in spooled(path)]


def test_a_new_tail_sends_only_what_mlflow_does_not_have(
    client: MlflowClient, run_id: str, path: Path
) -> None:
    # What MLflow has came from a machine whose spool is lost: equal steps, other times.
    elsewhere = path.with_name("elsewhere.jsonl")
    write_steps(elsewhere, 1, 40)
    MetricTail(elsewhere, run_id).ship(client)
    write_steps(path, 21, 60)
    write_steps(path, 50, 55, key="eval_loss")
    MetricTail(path, run_id).ship(client)
    assert history(client, run_id) == expected(60)
    assert [step for step, _ in history(client, run_id, "eval_loss")] == [50, 51, 52, 53, 54, 55]


def test_a_batch_whose_answer_was_lost_is_not_doubled(
    client: MlflowClient, run_id: str, path: Path
) -> None:
    tail = MetricTail(path, run_id)
    tail.ship(client)
    write_steps(path, 1, 30)
    # MetricTail has looked already, and does not know that this arrived.
    send_points(client, run_id, spooled(path)[:20])
    tail.ship(client)
    assert history(client, run_id) == expected(30)


def test_two_tails_on_one_spool_at_once_write_each_point_once(
    client: MlflowClient, run_id: str, path: Path
) -> None:
    write_steps(path, 1, 3 * METRICS_PER_BATCH)
    tails = [MetricTail(path, run_id) for _ in range(3)]
    threads = [threading.Thread(target=tail.ship, args=(client,)) for tail in tails]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    # SQLite may refuse one of them while another writes; it goes on where it was.
    for tail in tails:
        tail.ship(client)
    assert history(client, run_id) == expected(3 * METRICS_PER_BATCH)


def test_a_step_that_two_writers_wrote_counts_once(
    client: MlflowClient, run_id: str, path: Path
) -> None:
    first, second = MetricSpool(path), MetricSpool(path)
    for step in (1, 2, 3):
        first.append(step, {"loss": 1 / step})
    for step in (2, 3, 4):
        second.append(step, {"loss": 1 / step})
    first.close()
    second.close()
    assert len(spooled(path)) == 6
    MetricTail(path, run_id).ship(client)
    assert history(client, run_id) == expected(4)


def test_what_is_not_finite_arrives_as_nan_in_its_place(
    client: MlflowClient, run_id: str, path: Path
) -> None:
    spool = MetricSpool(path)
    for step, value in enumerate([1.0, math.nan, math.inf, -math.inf, 2.0]):
        spool.append(step, {"loss": value})
    spool.close()
    for _ in range(2):
        MetricTail(path, run_id).ship(client)
    found = history(client, run_id)
    assert [step for step, _ in found] == [0, 1, 2, 3, 4]
    assert [math.isnan(value) for _, value in found] == [False, True, True, True, False]


def test_a_key_that_mlflow_refuses_is_sent_under_a_legal_name(
    client: MlflowClient, run_id: str, path: Path
) -> None:
    spool = MetricSpool(path)
    spool.append(1, {"eval(a)": 1.0})
    spool.append(2, {"eval(a)": 2.0})
    spool.close()
    for _ in range(2):
        MetricTail(path, run_id).ship(client)
    assert history(client, run_id, "eval_a_") == [(1, 1.0), (2, 2.0)]
