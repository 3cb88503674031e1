"""A real checkpoint, a real `mlflow server`: the winner becomes a registered model."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mlflow
import pytest
import torch
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow_server import MlflowServer, free_port
from recipe_support import TINY, make_run, tiny_workload, write_words
from stories import Script, make_report, make_spec
from tracking import make_trial_run
from transformers import AutoModelForCausalLM, AutoTokenizer

from sweeps.spec import SweepSpec, TinyModel
from sweeps.trial import Role, trial_id
from workers.champion import TRIES, Registrar
from workers.checkpoints import CheckpointFolder
from workers.recipes.parts.models import build_tiny
from workers.recipes.parts.tokenizer import train_tokenizer
from workers.recipes.sft import run
from workers.settings import WorkerSettings
from workers.sinks.mlflow_api import connect

ASKED = torch.arange(5, 25)[None]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    made = MlflowServer(tmp_path_factory.mktemp("mlflow"))
    made.start()
    yield made
    made.kill()


@dataclass
class Ended:
    """A sweep of one trial that has ended, its checkpoint and its run in MLflow."""

    client: MlflowClient
    settings: WorkerSettings
    checkpoint: Path
    logits: torch.Tensor
    project: str
    changes: dict[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return f"swp_{uuid.uuid5(uuid.NAMESPACE_OID, self.project).hex}"

    @property
    def name(self) -> str:
        return f"{self.project}.test"

    def spec(self) -> SweepSpec:
        made = make_spec(**self.changes)
        return made.model_copy(
            update={"metadata": made.metadata.model_copy(update={"project": self.project})}
        )

    def run(self, *, shown: bool = True) -> bool:
        """`shown`: MLflow has the trial's run."""
        script = Script(data_digest="d1")
        base = script.ask(Role.BASE)
        script.say(base, make_report(10, 3.5))
        script.end(base, samples=0)
        trial = script.run(1.0, error=0.1)
        if shown:
            make_trial_run(self.client, self.project, trial_id(self.id, trial))
        registrar = Registrar(self.client, self.settings, self.id, self.spec(), script.story)
        return registrar.run({trial: str(self.checkpoint)})

    @property
    def versions(self) -> list[ModelVersion]:
        return list(self.client.search_model_versions(f"name = '{self.name}'"))


@pytest.fixture
def ended(request: pytest.FixtureRequest, server: MlflowServer, tmp_path: Path) -> Ended:
    """An adapter was trained; or, where the test says so, all weights."""
    write_words(tmp_path)
    build_tiny(TinyModel.model_validate(TINY)).save_pretrained(tmp_path / "base")
    train_tokenizer(["abc"], 260).save_pretrained(tmp_path / "base")
    adapter = {"adapter": getattr(request, "param", "lora")}
    attempt = make_run(tmp_path, tiny_workload(model="base"), adapter)
    run(attempt.context)
    newest = CheckpointFolder(tmp_path / "trial").newest()
    assert newest is not None
    model = attempt.context.cache["sft.base"].model.eval()
    settings = WorkerSettings(storage=tmp_path / "storage")
    logits = model(input_ids=ASKED).logits.detach()
    project = request.node.name.replace("[", "-").replace("]", "")[-60:]
    return Ended(connect(server.uri), settings, newest, logits, f"p-{project}")


@pytest.fixture
def alone(tmp_path: Path) -> Ended:
    """Its MLflow does not answer."""
    settings = WorkerSettings(storage=tmp_path / "storage")
    nobody = connect(f"http://127.0.0.1:{free_port()}")
    return Ended(nobody, settings, tmp_path / "checkpoint", torch.zeros(0), "alone")


@pytest.mark.slow
@pytest.mark.parametrize("ended", ["lora", "full"], indirect=True)
def test_the_winner_is_registered_as_champion_and_can_be_loaded(
    ended: Ended,
    server: MlflowServer,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert ended.run()
    version = ended.client.get_model_version_by_alias(ended.name, "champion")
    run_id = ended.client.search_runs(
        [ended.client.get_experiment_by_name(ended.project).experiment_id]
    )[0].info.run_id
    assert version.run_id == run_id
    assert version.tags["sweep.value"] == "1.0"
    assert version.tags["sweep.data_digest"] == "d1"
    tag = ended.client.get_run(run_id).data.tags["sweep.registered_model"]
    assert tag == f"{ended.name}/{version.version}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.uri)
    place = mlflow.artifacts.download_artifacts(
        artifact_uri=f"models:/{ended.name}@champion", dst_path=str(tmp_path / "out")
    )
    adapter = "lora" in request.node.name
    assert (Path(place) / "adapter_model.safetensors").exists() is adapter
    assert (Path(place) / "model.safetensors").exists() is not adapter
    model = AutoModelForCausalLM.from_pretrained(place).eval()
    assert torch.allclose(model(input_ids=ASKED).logits, ended.logits, atol=1e-5)
    tokenizer = AutoTokenizer.from_pretrained(place)
    assert tokenizer.decode(tokenizer("ant")["input_ids"]) == "ant"
    card = (Path(place) / "README.md").read_text()
    assert "**eval_loss 1** (standard error 0.1" in card
    assert "The base model, untrained: eval_loss 3.5" in card
    assert "d1" in card
    # Killed after it was done and before anybody knew, it does nothing twice.
    assert ended.run()
    assert len(ended.versions) == 1
    assert not (ended.settings.sweep_folder(ended.id) / "champion").exists()


@pytest.mark.parametrize(
    ("changes", "gib"),
    [
        ({"checkpoints": {"champion": "never"}}, 1.0),
        ({}, 0.0),
        ({"workload": {"recipe": "mine"}}, 1.0),
    ],
)
def test_nothing_is_asked_of_mlflow_where_nobody_wants_a_model(
    alone: Ended, changes: dict[str, Any], gib: float
) -> None:
    alone.changes = changes
    alone.settings.champion_gib = gib
    assert alone.run(shown=False)


@pytest.mark.slow
def test_a_model_that_is_too_large_or_torn_stays_where_it_is(
    ended: Ended, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    ended.settings.champion_gib = 1e-9
    assert ended.run()
    assert "SWEEP_CHAMPION_GIB" in caplog.text
    ended.settings.champion_gib = 1.0
    (ended.checkpoint / "adapter_config.json").write_text("{}")
    assert ended.run()
    assert "no whole checkpoint" in caplog.text
    assert ended.versions == []


def test_a_store_that_fails_is_tried_again_so_many_times(
    alone: Ended, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Its library raises what it likes; each try is a process of its own."""

    def failing(*_: object) -> None:
        raise LookupError("the store said no")

    monkeypatch.setattr("workers.champion.find_trial_run", failing)
    tries = [alone.run(shown=False) for _ in range(TRIES)]
    assert tries == [False] * (TRIES - 1) + [True]
    assert caplog.text.count("could not be registered") == TRIES


def test_while_mlflow_is_away_it_is_tried_again_later(alone: Ended) -> None:
    assert not alone.run(shown=False)
