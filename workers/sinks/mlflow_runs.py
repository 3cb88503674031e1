"""Runs as they shall be, runs as MLflow has them, and the writes between the two."""

from __future__ import annotations

from dataclasses import dataclass, field

from mlflow import MlflowClient
from mlflow.entities import Param, Run, RunTag

from workers.sinks.metric_spool import Point
from workers.sinks.mlflow_api import (
    ENTITIES_PER_BATCH,
    METRICS_PER_BATCH,
    last_steps,
    legal_name,
    metric,
)

TAG_LENGTH = 8000
PARAM_LENGTH = 6000
RUNNING, FINISHED, FAILED, KILLED = "RUNNING", "FINISHED", "FAILED", "KILLED"
# Tags under this go away when a trial is revived, and this one with the checkpoint.
PRUNE, CHECKPOINT = "sweep.prune.", "sweep.checkpoint"
_Pairs = list[tuple[str, str]]


@dataclass(frozen=True)
class RunPicture:
    """What a run shall be. `started` and `ended` are ms; `name` counts when the run is made."""

    name: str
    started: int
    tags: dict[str, str]
    params: dict[str, str] = field(default_factory=dict)
    points: list[Point] = field(default_factory=list)
    status: str = RUNNING
    ended: int | None = None


@dataclass
class KnownRun:
    """What MLflow has of a run, as far as we write it."""

    run_id: str
    status: str
    tags: dict[str, str]
    params: dict[str, str]
    steps: dict[str, int]


def known(run: Run) -> KnownRun:
    """A run as MLflow told it."""
    data = run.data
    return KnownRun(
        run.info.run_id, run.info.status, dict(data.tags), dict(data.params), last_steps(run)
    )


def make_run(client: MlflowClient, experiment_id: str, picture: RunPicture) -> KnownRun:
    """A new run with all its tags, so that it is found again even if this answer is lost."""
    tags = {name: _cut(value, TAG_LENGTH) for name, value in picture.tags.items()}
    run = client.create_run(
        experiment_id, start_time=picture.started, tags=tags, run_name=picture.name
    )
    return known(run)


def bring(client: MlflowClient, run: KnownRun, picture: RunPicture) -> None:
    """Write what the picture has and the run has not: tags, params (never changed), later points.

    Not the status: see `conclude`.
    """
    tags = {
        name: value
        for name, full in picture.tags.items()
        if run.tags.get(name) != (value := _cut(full, TAG_LENGTH))
    }
    params = {
        name: _cut(value, PARAM_LENGTH)
        for key, value in picture.params.items()
        if (name := legal_name(key)) not in run.params
    }
    points = [p for p in picture.points if p.step > run.steps.get(legal_name(p.key), -1)]
    _send(client, run.run_id, list(tags.items()), list(params.items()), points)
    run.tags |= tags
    run.params |= params
    run.steps |= {legal_name(point.key): point.step for point in points}
    passing = [n for n in run.tags if n.startswith(PRUNE) or n == CHECKPOINT]
    for name in [n for n in passing if n not in picture.tags]:
        client.delete_tag(run.run_id, name)
        del run.tags[name]


def conclude(client: MlflowClient, run: KnownRun, picture: RunPicture) -> None:
    """Give the run its status, when it has another one."""
    if run.status == picture.status:
        return
    if picture.status == RUNNING:
        client.update_run(run.run_id, status=RUNNING)
    else:
        client.set_terminated(run.run_id, picture.status, picture.ended)
    run.status = picture.status


def _send(
    client: MlflowClient, run_id: str, tags: _Pairs, params: _Pairs, points: list[Point]
) -> None:
    """In one request, when MLflow takes that much in one: it needs about as long for each."""
    several = max(len(tags), len(params)) > ENTITIES_PER_BATCH
    if several or len(tags) + len(params) + len(points) > METRICS_PER_BATCH:
        for part in _parts(tags, ENTITIES_PER_BATCH):
            _send(client, run_id, part, [], [])
        for part in _parts(params, ENTITIES_PER_BATCH):
            _send(client, run_id, [], part, [])
        for start in range(0, len(points), METRICS_PER_BATCH):
            _send(client, run_id, [], [], points[start : start + METRICS_PER_BATCH])
    elif tags or params or points:
        client.log_batch(
            run_id,
            metrics=[metric(point) for point in points],
            params=[Param(*pair) for pair in params],
            tags=[RunTag(*pair) for pair in tags],
            synchronous=True,
        )


def _parts(pairs: list[tuple[str, str]], size: int) -> list[list[tuple[str, str]]]:
    return [pairs[start : start + size] for start in range(0, len(pairs), size)]


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
