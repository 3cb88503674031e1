from __future__ import annotations

import logging
import uuid
from pathlib import Path

import pytest
from figure_stories import every_fate
from mlflow import MlflowClient
from mlflow_server import MlflowServer
from stories import Script, make_spec

from workers.figures import publish as module
from workers.figures.publish import publish
from workers.sinks.mlflow_api import connect

FILES = ["compute.png", "curves.png", "early.png", "figures.html", "heat.png"]


@pytest.fixture
def client(server: MlflowServer) -> MlflowClient:
    return connect(server.uri)


@pytest.fixture
def run(client: MlflowClient) -> str:
    experiment = client.create_experiment(f"figures-{uuid.uuid4().hex}")
    return str(client.create_run(experiment).info.run_id)


def there(client: MlflowClient, run: str) -> list[str]:
    return [Path(found.path).name for found in client.list_artifacts(run, "figures")]


def test_the_figures_arrive_and_a_second_time_changes_nothing(
    client: MlflowClient, run: str
) -> None:
    contents = []
    for _ in range(2):
        assert publish(client, run, *every_fate())
        assert there(client, run) == FILES
        folder = Path(client.download_artifacts(run, "figures"))
        contents.append({name: (folder / name).read_bytes() for name in FILES})
    assert contents[0] == contents[1]
    assert contents[0]["curves.png"].startswith(b"\x89PNG")
    assert b"trial 0 ranks first" in contents[0]["figures.html"]


def test_a_sweep_with_one_trial_has_what_there_is(client: MlflowClient, run: str) -> None:
    script = Script()
    script.run(1.0)
    assert publish(client, run, make_spec(), script.story)
    assert there(client, run) == ["compute.png", "curves.png", "figures.html"]


def test_mlflow_away_is_tried_again_and_a_run_that_is_gone_is_not(
    client: MlflowClient, run: str, server: MlflowServer
) -> None:
    assert publish(client, "0" * 32, *every_fate())
    server.kill()
    assert not publish(client, run, *every_fate())


def test_a_figure_that_cannot_be_drawn_holds_nothing_up(
    client: MlflowClient,
    run: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(*_: object) -> bytes:
        raise ZeroDivisionError

    monkeypatch.setattr(module, "draw_png", broken)
    with caplog.at_level(logging.ERROR):
        assert publish(client, run, *every_fate())
    assert "could not be made" in caplog.text
    assert there(client, run) == []
