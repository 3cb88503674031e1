"""An agent that is told to end, one on another machine that goes on, and an MLflow that is away."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from agent_process import AgentProcess
from mlflow import MlflowClient
from mlflow_server import MlflowServer
from running import ROOT, SUPPORT, wait_until
from s3_server import BUCKET, s3_server
from service_support import Host, hosted, make_settings, migrated
from tests_support import toy_spec
from tracking import history, runs_of

from service.client import Client
from sweeps.journal import Story, fold
from workers.checkpoints import CheckpointFolder, step_name
from workers.leftovers import Leftovers
from workers.mirror import Mirror
from workers.order import checkpoints_of, trial_folder
from workers.ray_head import RayHead
from workers.sinks.mlflow_api import connect

pytestmark = pytest.mark.slow

BATCH, GRACE = 16, 20.0
RATES = [0.1, 0.2, 0.5, 1.0]


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    settings = make_settings(tmp_path_factory.mktemp("service"), lease_seconds=600)
    with hosted(migrated(settings)) as found:
        yield found


@pytest.fixture(scope="module")
def ray() -> Iterator[dict[str, str]]:
    """What an agent needs to join a Ray whose workers reach the S3 server: to start one for each
    agent takes longer than all the rest."""
    with s3_server(), pytest.MonkeyPatch.context() as patch, TemporaryDirectory() as folder:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(SUPPORT)]))
        head = RayHead(cpus=4, gpus=0)
        head.start(Path(folder) / "ray.log")
        yield head.env
        head.stop()


@pytest.fixture
def user(host: Host) -> Iterator[Client]:
    with host.client() as found:
        yield found


@pytest.fixture
def mlflow(tmp_path: Path) -> Iterator[MlflowServer]:
    server = MlflowServer(tmp_path / "mlflow")
    server.start()
    yield server
    server.kill()


def story(user: Client, sweep: str) -> Story:
    return fold(user.entries(sweep))


def reports(user: Client, sweep: str) -> int:
    return sum(len(record.reports) for record in story(user, sweep).trials.values())


def await_end(user: Client, sweep: str, agent: AgentProcess) -> None:
    wait_until(lambda: user.get_sweep(sweep).ended_at is not None, 120, lambda: agent.log)
    assert user.get_sweep(sweep).state == "DONE", agent.log


def starts(path: Path) -> dict[float, list[int]]:
    """Learning rate -> steps done at the beginning of each attempt."""
    found: dict[float, list[int]] = defaultdict(list)
    for line in path.read_text().splitlines():
        rate, done = line.split()
        found[float(rate)].append(int(done))
    return found


def test_sigterm_saves_all_in_time_and_another_machine_goes_on(
    host: Host, user: Client, ray: dict[str, str], tmp_path: Path
) -> None:
    """The second agent has another disk: all it can go on from lies in S3, and in the service."""
    there = f"s3://{BUCKET}/{tmp_path.name}"
    environment = {
        **ray,
        "SWEEP_POOL": "one",
        "SWEEP_CHECKPOINTS": there,
        "SWEEP_GRACE_SECONDS": str(GRACE),
    }
    first = AgentProcess(host.url, tmp_path / "one", **environment)
    second: AgentProcess | None = None
    try:
        log = tmp_path / "starts"
        options = {"step_seconds": 0.4, "starts_file": str(log)}
        spec = toy_spec(workload={"recipe": "toy", "options": options}, resources={"pool": "one"})
        sweep = user.create_sweep(spec).id
        wait_until(lambda: reports(user, sweep) >= 3, 90, lambda: first.log)
        took = first.stop()
        assert took < GRACE, first.log
        # The lease is 600 s long, and it is free.
        assert not user.get_sweep(sweep).driven
        trials = story(user, sweep).trials.items()
        saved = {n: record.attempts[-1] for n, record in trials if record.state == "PENDING"}
        assert [attempt.ended for attempt in saved.values()] == ["preempted", "preempted"]
        done: dict[int, int] = {}
        for number, attempt in saved.items():
            root = checkpoints_of(trial_folder(tmp_path / "one" / "sweeps" / sweep, number))
            newest = CheckpointFolder(root).newest()
            assert newest is not None
            done[number] = int(newest.name.removeprefix("step-"))
            assert done[number] >= attempt.samples // BATCH >= 4
            assert Mirror(f"{there}/{sweep}/{number:05d}").names()[0] == newest.name
        second = AgentProcess(host.url, tmp_path / "two", **environment)
        await_end(user, sweep, second)
        begun = starts(log)
        for number in saved:
            assert begun[RATES[number]] == [0, done[number]]
        assert all(len(record.attempts) <= 2 for record in story(user, sweep).trials.values())
        best = user.result(sweep).best
        assert best is not None
        left = {n: Mirror(f"{there}/{sweep}/{n:05d}").names() for n in range(4)}
        assert left == {n: [step_name(20)] if n == best.trial else [] for n in range(4)}
        assert f"The weights of trial {best.trial}: " in user.get_sweep(sweep).message
        second.stop()
    finally:
        first.kill()
        if second is not None:
            second.kill()


def complete(client: MlflowClient, sweep: str) -> bool:
    parents, children = runs_of(client, "default", sweep)
    return [run.info.status for run in [*parents, *children]] == ["FINISHED"] * 5


def test_a_sweep_ends_without_mlflow_which_gets_all_of_it_later(
    host: Host, user: Client, ray: dict[str, str], mlflow: MlflowServer, tmp_path: Path
) -> None:
    """The agent is restarted meanwhile, so that nobody is left who knew of it."""
    storage, client = tmp_path / "storage", connect(mlflow.uri)
    marks = Leftovers(storage)
    environment = {**ray, "SWEEP_POOL": "two", "MLFLOW_TRACKING_URI": mlflow.uri}
    agent = AgentProcess(host.url, storage, **environment)
    try:
        spec = toy_spec(
            workload={"recipe": "toy", "options": {"step_seconds": 0.1}}, resources={"pool": "two"}
        )
        sweep = user.create_sweep(spec).id
        wait_until(lambda: reports(user, sweep) >= 3, 90, lambda: agent.log)
        mlflow.kill()
        await_end(user, sweep, agent)
        assert marks.sweeps() == [sweep]
        assert user.result(sweep).best is not None
        agent.stop()
        mlflow.start()
        assert not complete(client, sweep)
        agent = AgentProcess(host.url, storage, **environment)
        wait_until(lambda: not marks.sweeps(), 90, lambda: agent.log)
        assert complete(client, sweep)
        (parent,), children = runs_of(client, "default", sweep)
        figures = client.list_artifacts(parent.info.run_id, "figures")
        assert "figures/figures.html" in [file.path for file in figures]
        for run in children:
            for key in ("loss", "grad_norm", "learning_rate"):
                points = history(client, run.info.run_id, key)
                assert [step for step, _ in points] == list(range(16, 336, 16))
        agent.stop()
    finally:
        agent.kill()
