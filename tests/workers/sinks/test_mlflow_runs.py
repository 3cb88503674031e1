from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from mlflow import MlflowClient
from tracking import history

from workers.sinks.metric_spool import Point
from workers.sinks.mlflow_api import connect
from workers.sinks.mlflow_runs import (
    FINISHED,
    KILLED,
    RUNNING,
    RunPicture,
    bring,
    conclude,
    known,
    make_run,
)

PICTURE = RunPicture(
    name="t000 lr=0.1",
    started=1000,
    tags={"sweep.id": "swp_1", "sweep.prune.reason": "median", "mlflow.note.content": "n" * 9000},
    params={"learning_rate": "0.1", "odd(name)": "v" * 7000},
    points=[Point("best", 2.0, 50, 3), Point("best", 1.0, 60, 7)],
)


@pytest.fixture
def experiment(client: MlflowClient, project: str) -> str:
    return str(client.create_experiment(project))


def test_a_run_becomes_what_the_picture_says(client: MlflowClient, experiment: str) -> None:
    run = make_run(client, experiment, PICTURE)
    bring(client, run, PICTURE)
    conclude(client, run, dataclasses.replace(PICTURE, status=KILLED, ended=9000))
    found = client.get_run(run.run_id)
    assert (found.info.run_name, found.info.start_time) == ("t000 lr=0.1", 1000)
    assert (found.info.status, found.info.end_time) == (KILLED, 9000)
    assert found.data.tags["sweep.id"] == "swp_1"
    assert found.data.params["learning_rate"] == "0.1"
    assert found.data.params["odd_name_"].startswith("vvv")
    assert history(client, run.run_id, "best") == [(3, 2.0), (7, 1.0)]


def test_the_second_time_nothing_is_sent(client: MlflowClient, experiment: str) -> None:
    run = make_run(client, experiment, PICTURE)
    bring(client, run, PICTURE)
    nowhere = connect("http://127.0.0.1:9")
    # Neither from memory, nor after asking MLflow anew.
    for remembered in (run, known(client.get_run(run.run_id))):
        bring(nowhere, remembered, PICTURE)
        conclude(nowhere, remembered, PICTURE)


def test_only_what_is_new_is_written(client: MlflowClient, experiment: str) -> None:
    run = make_run(client, experiment, PICTURE)
    bring(client, run, PICTURE)
    later = dataclasses.replace(
        PICTURE,
        tags={"sweep.id": "swp_1", "sweep.state": "DONE"},
        params={"learning_rate": "0.2", "more": "1"},
        points=[*PICTURE.points, Point("best", 0.5, 70, 8)],
    )
    bring(client, known(client.get_run(run.run_id)), later)
    data = client.get_run(run.run_id).data
    # A verdict that no longer holds goes; other tags stay; a param is never changed.
    assert "sweep.prune.reason" not in data.tags
    assert data.tags["sweep.state"] == "DONE"
    assert "mlflow.note.content" in data.tags
    assert (data.params["learning_rate"], data.params["more"]) == ("0.1", "1")
    assert history(client, run.run_id, "best") == [(3, 2.0), (7, 1.0), (8, 0.5)]


def test_what_fits_goes_in_one_request(
    client: MlflowClient, experiment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    log_batch = client.log_batch

    def counted(run_id: str, *args: Any, **kwargs: Any) -> Any:
        calls.append(run_id)
        return log_batch(run_id, *args, **kwargs)

    monkeypatch.setattr(client, "log_batch", counted)
    run = make_run(client, experiment, dataclasses.replace(PICTURE, tags={"sweep.id": "swp_1"}))
    bring(client, run, PICTURE)
    assert calls == [run.run_id]
    assert history(client, run.run_id, "best") == [(3, 2.0), (7, 1.0)]
    data = client.get_run(run.run_id).data
    assert (data.tags["sweep.prune.reason"], data.params["learning_rate"]) == ("median", "0.1")


def test_more_than_mlflow_takes_at_once(client: MlflowClient, experiment: str) -> None:
    many = dataclasses.replace(
        PICTURE,
        tags={f"tag{n}": "x" for n in range(150)},
        params={f"param{n}": "x" for n in range(150)},
        points=[Point("m", float(n), n, n) for n in range(1500)],
    )
    run = make_run(client, experiment, PICTURE)
    bring(client, run, many)
    data = client.get_run(run.run_id).data
    assert sum(name.startswith("tag") for name in data.tags) == 150
    assert len(data.params) == 150
    assert len(history(client, run.run_id, "m")) == 1500


def test_a_run_can_be_taken_up_again(client: MlflowClient, experiment: str) -> None:
    run = make_run(client, experiment, PICTURE)
    conclude(client, run, dataclasses.replace(PICTURE, status=FINISHED, ended=9000))
    assert client.get_run(run.run_id).info.status == FINISHED
    conclude(client, run, PICTURE)
    assert client.get_run(run.run_id).info.status == RUNNING
