from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow_server import MlflowServer
from tracking import make_trial_run

from sweeps.spec import Metric
from workers.sinks.mlflow_api import connect
from workers.sinks.mlflow_registry import Entry, find, promote, register

LOSS = Metric(name="eval_loss", goal="minimize")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowClient]:
    server = MlflowServer(tmp_path_factory.mktemp("mlflow"))
    server.start()
    yield connect(server.uri)
    server.kill()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "README.md").write_text("card")
    return tmp_path / "model"


@pytest.fixture
def entry(client: MlflowClient, request: pytest.FixtureRequest) -> Entry:
    project = request.node.name
    run_id = make_trial_run(client, project, f"trl_{project}")
    experiment = client.get_run(run_id).info.experiment_id
    params = {"learning_rate": "0.1"}
    return Entry(f"{project}.s", "swp_1", 3, run_id, experiment, LOSS, 1.0, "digest", params)


def aliases(client: MlflowClient, entry: Entry) -> dict[str, int]:
    found = client.get_registered_model(entry.name).aliases
    return {alias: int(version) for alias, version in found.items()}


def test_a_version_is_made_once_and_found_again(
    client: MlflowClient, entry: Entry, folder: Path
) -> None:
    before = os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"]
    assert find(client, entry) is None
    made = register(client, entry, folder)
    found = find(client, entry)
    assert found is not None
    assert found.version == made.version
    assert found.tags == entry.tags
    assert find(client, replace(entry, trial=4)) is None
    assert promote(client, entry, found) == "champion" == promote(client, entry, found)
    models = client.search_logged_models([entry.experiment_id])
    assert [(m.status.value, m.params, m.source_run_id) for m in models] == [
        ("READY", {"learning_rate": "0.1"}, entry.run_id)
    ]
    assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == before


def test_what_a_killed_upload_left_is_taken_away(
    client: MlflowClient, entry: Entry, folder: Path
) -> None:
    client.create_logged_model(entry.experiment_id, name="champion", tags=entry.tags)
    register(client, entry, folder)
    (model,) = client.search_logged_models([entry.experiment_id])
    assert model.status.value == "READY"


def test_a_champion_gives_way_to_what_is_no_worse_and_to_nothing_else(
    client: MlflowClient, entry: Entry, folder: Path
) -> None:
    def crowned(**changes: object) -> str:
        made = replace(entry, **changes)
        return promote(client, made, register(client, made, folder))

    assert crowned() == "champion"
    assert crowned(sweep_id="swp_2", value=1.5) == "challenger"
    assert aliases(client, entry) == {"champion": 1, "challenger": 2}
    assert crowned(sweep_id="swp_3", value=0.5) == "champion"
    assert aliases(client, entry) == {"champion": 3, "challenger": 2}
    for changes in (
        {"data_digest": "other"}, {"data_digest": None},
        {"metric": Metric(name="eval_loss", goal="maximize")},
    ):  # fmt: skip
        assert crowned(sweep_id="swp_4", value=0.1, **changes) == "challenger"
    # A later winner of the champion's own sweep takes its place, whatever it measured.
    assert crowned(sweep_id="swp_3", trial=5, value=0.7) == "champion"
    assert aliases(client, entry)["champion"] == 7
