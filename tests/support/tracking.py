"""Runs and spools for tests of what talks to MLflow."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Run

from workers.sinks.metric_spool import MetricSpool, Point, read_points
from workers.sinks.mlflow_api import find_runs


def make_trial_run(client: MlflowClient, project: str, trial: str) -> str:
    """A run tagged as the driver tags it, in the experiment `project`. Its id."""
    found = client.get_experiment_by_name(project)
    experiment = found.experiment_id if found else client.create_experiment(project)
    return str(client.create_run(experiment, tags={"sweep.trial_id": trial}).info.run_id)


def write_steps(path: Path, first: int, last: int, key: str = "loss") -> None:
    """One value of `key` for each step from `first` to `last`: 1 / step."""
    spool = MetricSpool(path)
    for step in range(first, last + 1):
        spool.append(step, {key: 1 / step})
    spool.close()


def spooled(path: Path) -> list[Point]:
    """Every point of a spool."""
    points: list[Point] = []
    offset, more = 0, True
    while more:
        fresh, end = read_points(path, offset)
        more, offset = end > offset, end
        points += fresh
    return points


def history(client: MlflowClient, run_id: str, key: str = "loss") -> list[tuple[int, float]]:
    """(step, value) of a metric as MLflow gives it."""
    return [(m.step, m.value) for m in client.get_metric_history(run_id, key)]


def same(left: float, right: float) -> bool:
    """Equal, NaN counting as equal to NaN."""
    return left == right or (math.isnan(left) and math.isnan(right))


def runs_of(client: MlflowClient, project: str, sweep_id: str) -> tuple[list[Run], list[Run]]:
    """The parent runs and the child runs of a sweep, children by trial number."""
    found = client.get_experiment_by_name(project)
    runs = list(find_runs(client, [found.experiment_id], {"sweep.id": sweep_id})) if found else []
    children = [run for run in runs if "sweep.trial_id" in run.data.tags]
    children.sort(key=lambda run: int(run.data.tags["sweep.trial_number"]))
    return [run for run in runs if run not in children], children


def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Look again and again until it holds. Raises AssertionError when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.05)
