"""A real MLflow that is away when a sweep ends, and a real service that has its journal."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow_server import MlflowServer
from recipe_support import make_run, write_words
from service_support import AGENT, Host, hosted, make_settings, make_spec, migrated, take
from stories import Script, make_report
from tracking import history, runs_of, spooled, write_steps

from service.client import Client
from sweeps.lifecycle import AttemptEnd
from sweeps.trial import trial_id
from workers import champion, shipping
from workers.checkpoints import MANIFEST, CheckpointFolder
from workers.leftovers import Leftovers
from workers.order import checkpoints_of, trial_folder
from workers.recipes import sft
from workers.settings import WorkerSettings
from workers.shipping import LATER, main, ship
from workers.sinks import mlflow_sink
from workers.sinks.metric_tail import MetricTail
from workers.sinks.mlflow_api import connect, find_trial_run


@pytest.fixture(scope="module")
def _server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    server = MlflowServer(tmp_path_factory.mktemp("mlflow"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def server(_server: MlflowServer) -> Iterator[MlflowServer]:
    yield _server
    if not _server.running:
        _server.start()


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    folder = tmp_path_factory.mktemp("service")
    with hosted(migrated(make_settings(folder, lease_seconds=600))) as found:
        yield found


@dataclass
class Sweep:
    """A sweep whose driver has gone, and everything about it."""

    id: str
    token: int
    project: str
    settings: WorkerSettings
    service: Client
    mlflow: MlflowClient

    def path(self, number: int) -> Path:
        return trial_folder(self.settings.sweep_folder(self.id), number)

    def ship(self) -> bool:
        return ship(self.settings, self.service, self.id)

    @property
    def marked(self) -> bool:
        return self.id in Leftovers(self.settings.storage).sweeps()


@pytest.fixture
def sweep(
    host: Host, server: MlflowServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Sweep]:
    """Trial 0 finished best, 1 finished, 2 is parked; each has 50 steps spooled and a checkpoint.
    MLflow has heard of nothing."""
    monkeypatch.setattr(mlflow_sink, "HOPELESS_SECONDS", 0.3)
    monkeypatch.setenv("SWEEP_AGENT_TOKEN", AGENT)
    monkeypatch.setenv("SWEEP_SERVICE_URL", host.url)
    monkeypatch.setenv("SWEEP_STORAGE", str(tmp_path))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.uri)
    project, pool = f"project-{uuid.uuid4().hex[:12]}", uuid.uuid4().hex
    spec = make_spec(pool=pool)
    spec["metadata"]["project"] = project
    spec["spec"] |= {"report": {"points": 10}, "horizon": {"samples": 1000}}
    script = Script()
    script.run(1.0)
    script.run(2.0)
    parked = script.ask()
    script.say(parked, make_report(5, 3.0))
    script.end(parked, AttemptEnd.PAUSED)
    with host.client() as user, host.client(AGENT) as agent:
        made = user.create_sweep(spec).id
        token = take(agent, pool=pool).token
        agent.append(made, token, script.entries)
        settings = WorkerSettings()
        found = Sweep(made, token, project, settings, agent, connect(server.uri))
        Leftovers(settings.storage).mark(made)
        for number in range(3):
            write_steps(found.path(number) / "metrics.jsonl", 1, 50)
            folder = CheckpointFolder(checkpoints_of(found.path(number)))
            folder.write(100, lambda draft: (draft / "a").write_text("x") and None)
        yield found


def check(sweep: Sweep, statuses: list[str]) -> None:
    (parent,), children = runs_of(sweep.mlflow, sweep.project, sweep.id)
    assert [run.info.status for run in [parent, *children]] == statuses
    for number, run in enumerate(children):
        written = [(p.step, p.value) for p in spooled(sweep.path(number) / "metrics.jsonl")]
        assert history(sweep.mlflow, run.info.run_id) == written
        assert len(written) == 50


def kept(sweep: Sweep) -> list[int]:
    roots = [checkpoints_of(sweep.path(number)) for number in range(3)]
    return [number for number, root in enumerate(roots) if root.exists()]


def test_what_mlflow_missed_arrives_later_each_point_once_and_in_order(
    sweep: Sweep, server: MlflowServer
) -> None:
    server.kill()
    sweep.service.finish(sweep.id, sweep.token, "DONE", "Trial 0 is best.")
    assert main([sweep.id]) == LATER
    assert sweep.marked
    server.start()
    assert main([sweep.id]) == 0
    assert not sweep.marked
    statuses = ["FINISHED", "FINISHED", "FINISHED", "KILLED"]
    check(sweep, statuses)
    (parent,), children = runs_of(sweep.mlflow, sweep.project, sweep.id)
    place = checkpoints_of(sweep.path(0)) / "step-00000100"
    assert [run.data.tags.get("sweep.checkpoint") for run in children] == [str(place), None, None]
    assert str(place) in parent.data.tags["mlflow.note.content"]
    # Killed before it could clear the mark, it does all of it again.
    Leftovers(sweep.settings.storage).mark(sweep.id)
    assert sweep.ship()
    assert not sweep.marked
    check(sweep, statuses)


def test_what_mlflow_had_already_is_not_sent_again(sweep: Sweep, server: MlflowServer) -> None:
    """A worker had shipped the first half of a trial when MLflow went away."""
    sweep.service.finish(sweep.id, sweep.token, "DONE", "Trial 0 is best.")
    half = sweep.settings.storage / "half.jsonl"
    lines = (sweep.path(1) / "metrics.jsonl").read_bytes().splitlines(keepends=True)
    experiment = sweep.mlflow.create_experiment(sweep.project)
    tags = {"sweep.id": sweep.id, "sweep.trial_id": trial_id(sweep.id, 1)}
    sweep.mlflow.create_run(experiment, tags={**tags, "sweep.trial_number": "1"})
    half.write_bytes(b"".join(lines[:25]))
    run_id = find_trial_run(sweep.mlflow, trial_id(sweep.id, 1))
    assert run_id is not None
    MetricTail(half, run_id).ship(sweep.mlflow)
    assert len(history(sweep.mlflow, run_id)) == 25
    assert sweep.ship()
    check(sweep, ["FINISHED", "FINISHED", "FINISHED", "KILLED"])


def test_a_sweep_cancelled_without_a_driver_is_shown_and_tidied(sweep: Sweep, host: Host) -> None:
    sweep.service.finish(sweep.id, sweep.token, "PAUSED", "")
    with host.client() as user:
        user.cancel(sweep.id)
    assert sweep.ship()
    assert not sweep.marked
    check(sweep, ["KILLED", "FINISHED", "FINISHED", "KILLED"])
    assert kept(sweep) == [0]


def test_an_ended_sweep_gets_its_figures_after_everything_else(
    sweep: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep.service.finish(sweep.id, sweep.token, "DONE", "Trial 0 is best.")
    with monkeypatch.context() as patch:
        # MLflow goes away between the last point and the figures.
        patch.setattr(shipping, "publish", lambda *_: False)
        assert not sweep.ship()
    assert sweep.marked
    check(sweep, ["FINISHED", "FINISHED", "FINISHED", "KILLED"])
    assert sweep.ship()
    assert not sweep.marked
    (parent,), _ = runs_of(sweep.mlflow, sweep.project, sweep.id)
    found = [file.path for file in sweep.mlflow.list_artifacts(parent.info.run_id, "figures")]
    assert found == [f"figures/{name}" for name in ("compute.png", "curves.png", "figures.html")]


def nowhere(sweep: Sweep) -> WorkerSettings:
    """To say anything to MLflow fails."""
    return sweep.settings.model_copy(update={"tracking_uri": "http://127.0.0.1:9"})


def test_a_sweep_that_goes_on_is_left_to_its_driver(sweep: Sweep) -> None:
    assert ship(nowhere(sweep), sweep.service, sweep.id)
    assert sweep.marked
    assert kept(sweep) == [0, 1, 2]


def test_one_that_somebody_else_ships_is_left_alone(sweep: Sweep) -> None:
    sweep.service.finish(sweep.id, sweep.token, "DONE", "")
    assert not ship(nowhere(sweep), sweep.service, sweep.id)
    with Leftovers(sweep.settings.storage).held(sweep.id) as mine:
        assert mine
        assert ship(nowhere(sweep), sweep.service, sweep.id)
    assert sweep.marked


def test_without_mlflow_only_the_checkpoints_are_seen_to(sweep: Sweep) -> None:
    sweep.service.finish(sweep.id, sweep.token, "DONE", "")
    alone = sweep.settings.model_copy(update={"tracking_uri": None})
    assert ship(alone, sweep.service, sweep.id)
    assert not sweep.marked
    assert kept(sweep) == [0, 2]
    assert runs_of(sweep.mlflow, sweep.project, sweep.id) == ([], [])


def test_a_service_that_is_away_is_asked_later(
    sweep: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWEEP_SERVICE_URL", "http://127.0.0.1:9")
    assert main([sweep.id]) == LATER
    assert main([]) == 0


@pytest.mark.slow
def test_the_winner_of_an_ended_sweep_is_in_the_registry(
    sweep: Sweep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal is that of another recipe; the checkpoint of its best trial is one of `sft`."""
    monkeypatch.setattr(champion, "RECIPE", "toy")
    write_words(tmp_path)
    attempt = make_run(tmp_path, params={"adapter": "lora"})
    sft.run(attempt.context)
    trained = CheckpointFolder(tmp_path / "trial").newest()
    assert trained is not None
    folder = CheckpointFolder(checkpoints_of(sweep.path(0)))

    def copied(draft: Path) -> None:
        ignore = shutil.ignore_patterns(MANIFEST)
        shutil.copytree(trained, draft, ignore=ignore, dirs_exist_ok=True)

    folder.write(100, copied)
    sweep.service.finish(sweep.id, sweep.token, "DONE", "Trial 0 is best.")
    assert sweep.ship()
    assert not sweep.marked
    name = f"{sweep.project}.{sweep.service.get_sweep(sweep.id).name}"
    version = sweep.mlflow.get_model_version_by_alias(name, "champion")
    assert version.tags["sweep.trial_number"] == "0"
    _, children = runs_of(sweep.mlflow, sweep.project, sweep.id)
    assert version.run_id == children[0].info.run_id
