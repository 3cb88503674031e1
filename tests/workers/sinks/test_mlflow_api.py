from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.utils.validation import _validate_metric_name, _validate_param_name
from mlflow_server import MlflowServer
from tracking import make_trial_run

from workers.sinks.metric_spool import Point
from workers.sinks.mlflow_api import (
    NotOursError,
    Trouble,
    connect,
    find_runs,
    find_trial_run,
    last_steps,
    legal_name,
    refused,
    send_points,
    shown,
)


@given(st.text(min_size=1) | st.text("./ab*", min_size=1))
def test_every_name_becomes_one_that_mlflow_takes(name: str) -> None:
    _validate_metric_name(legal_name(name))
    _validate_param_name(legal_name(name))
    assert len(legal_name(name)) <= 250


@pytest.mark.parametrize("name", ["eval_loss", "eval/score", "a.b-c: d", "best_eval/exact_match"])
def test_a_legal_name_stays(name: str) -> None:
    assert legal_name(name) == name


@pytest.mark.parametrize("value", [0.0, -1.5, 1.7976931348623157e308])
def test_a_finite_value_is_shown_as_it_is(value: float) -> None:
    assert shown(value) == value


def test_a_run_that_broke_is_never_sorted_as_the_best(client: MlflowClient, project: str) -> None:
    broken = {value: make_trial_run(client, project, f"trl_{value}") for value in ("inf", "-inf")}
    healthy = make_trial_run(client, project, "trl_healthy")
    for value, run_id in broken.items():
        send_points(client, run_id, [Point("score", float(value), 1, 1)])
    send_points(client, healthy, [Point("score", 0.5, 1, 1)])
    experiment = client.get_experiment_by_name(project).experiment_id
    for order in ("ASC", "DESC"):
        best, *rest = client.search_runs([experiment], order_by=[f"metrics.score {order}"])
        assert best.info.run_id == healthy
        assert all(math.isnan(run.data.metrics["score"]) for run in rest)


def test_refusals_are_told_from_an_outage(client: MlflowClient, project: str) -> None:
    run_id = make_trial_run(client, project, "trl_1")
    client.delete_run(run_id)
    point = Point("loss", 1.0, 1, 1)
    for gone in (run_id, "0" * 32):
        with pytest.raises(MlflowException) as answer:
            send_points(client, gone, [point])
        assert refused(answer.value)
    with pytest.raises(Trouble) as silence:
        send_points(connect("http://127.0.0.1:9"), run_id, [point])
    assert not refused(silence.value)


def test_what_is_not_ours_is_read_and_not_written(
    server: MlflowServer, client: MlflowClient, project: str
) -> None:
    run_id, mine = make_trial_run(client, project, "trl_1"), False
    guarded = connect(server.uri, lambda: mine)
    experiment = guarded.get_run(run_id).info.experiment_id
    for write in (
        lambda: send_points(guarded, run_id, [Point("loss", 1.0, 1, 1)]),
        lambda: guarded.create_run(experiment),
        lambda: guarded.set_terminated(run_id, "FINISHED"),
    ):
        with pytest.raises(Trouble) as silence:
            write()
        assert isinstance(silence.value, NotOursError)
        assert not refused(silence.value)
    assert last_steps(client.get_run(run_id)) == {}
    assert len(client.search_runs([experiment])) == 1
    mine = True
    send_points(guarded, run_id, [Point("loss", 1.0, 1, 1)])
    assert last_steps(client.get_run(run_id)) == {"loss": 1}


def test_a_trial_is_found_by_its_tag_in_any_experiment_the_oldest_run_first(
    client: MlflowClient, project: str
) -> None:
    experiment = client.create_experiment(project)
    trial = f"trl_{project}"
    assert find_trial_run(client, trial) is None
    young = client.create_run(experiment, start_time=2000, tags={"sweep.trial_id": trial})
    old = client.create_run(experiment, start_time=1000, tags={"sweep.trial_id": trial})
    client.create_run(experiment, start_time=500, tags={"sweep.trial_id": f"{trial}x"})
    assert find_trial_run(client, trial) == old.info.run_id
    runs = find_runs(client, [experiment], {"sweep.trial_id": trial})
    assert [run.info.run_id for run in runs] == [old.info.run_id, young.info.run_id]


def test_last_steps_are_the_latest_of_each_key(client: MlflowClient, project: str) -> None:
    run_id = make_trial_run(client, project, "trl_1")
    points = [Point("a", 1.0, 5, 3), Point("a", 9.0, 6, 2), Point("b", math.nan, 1, 7)]
    send_points(client, run_id, points)
    assert last_steps(client.get_run(run_id)) == {"a": 3, "b": 7}
