"""SIGTERM to an agent whose trials are busy: with saving, with a save that hangs, and twice."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from agent_process import AgentProcess
from running import ROOT, SUPPORT, wait_until
from service_support import Host, hosted, make_settings, migrated
from tests_support import toy_spec

from service.client import Client
from sweeps.journal import Story, fold
from workers.checkpoints import CheckpointFolder
from workers.order import checkpoints_of, trial_folder
from workers.ray_head import RayHead

pytestmark = pytest.mark.slow

RATES = [0.1, 0.2, 0.5, 1.0]
# What an agent needs beside the grace: to hear the signal, to end its children, to say goodbye.
MARGIN = 8.0


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    settings = make_settings(tmp_path_factory.mktemp("service"), lease_seconds=600)
    with hosted(migrated(settings)) as found:
        yield found


@pytest.fixture(scope="module")
def ray() -> Iterator[dict[str, str]]:
    """What an agent needs to join a Ray that is there."""
    with pytest.MonkeyPatch.context() as patch, TemporaryDirectory() as folder:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(SUPPORT)]))
        head = RayHead(cpus=6, gpus=0)
        head.start(Path(folder) / "ray.log")
        yield head.env
        head.stop()


class Scene:
    """A sweep of four trials, two at once, whose saves can be made slow."""

    def __init__(self, host: Host, folder: Path, pool: str, ray: dict[str, str], grace: float):
        self.host, self.folder, self.user = host, folder, host.client()
        self.saves, self.starts_file = folder / "saves", folder / "starts"
        self.saves.mkdir()
        self.environment = {
            **ray,
            "SWEEP_POOL": pool,
            "SWEEP_GRACE_SECONDS": str(grace),
            "SWEEP_CHECKPOINT_SECONDS": "0.5",
        }
        options = {
            "step_seconds": 0.2,
            "slow_saves": str(self.saves),
            "starts_file": str(self.starts_file),
        }
        spec = toy_spec(
            workload={"recipe": "toy", "options": options},
            resources={"pool": pool},
            horizon={"samples": 16 * 60},
            report={"points": 15},
        )
        self.sweep = self.user.create_sweep(spec).id
        self.agent = self.another()

    def another(self) -> AgentProcess:
        """An agent over the same storage."""
        return AgentProcess(self.host.url, self.folder / "storage", **self.environment)

    def story(self) -> Story:
        return fold(self.user.entries(self.sweep))

    def training(self) -> bool:
        """Two trials have reported."""
        return sum(bool(record.reports) for record in self.story().trials.values()) >= 2

    def saving(self, seconds: float) -> None:
        """From now on a save takes so long; returns when one has begun."""
        (self.saves / "seconds").write_text(str(seconds))
        wait_until((self.saves / "saving").exists, 30, lambda: self.agent.log)

    def fast_again(self) -> None:
        (self.saves / "seconds").unlink()

    def saved(self, number: int) -> int:
        """The step of a trial's newest whole checkpoint."""
        storage = self.folder / "storage" / "sweeps" / self.sweep
        newest = CheckpointFolder(checkpoints_of(trial_folder(storage, number))).newest()
        assert newest is not None
        return int(newest.name.removeprefix("step-"))

    def starts(self, number: int) -> list[int]:
        """The steps done at the beginning of each attempt at a trial."""
        lines = [line.split() for line in self.starts_file.read_text().splitlines()]
        return [int(done) for rate, done in lines if float(rate) == RATES[number]]


def end(scene: Scene) -> None:
    """Another agent brings the sweep to its end."""
    agent = scene.another()
    try:
        over = lambda: scene.user.get_sweep(scene.sweep).ended_at is not None  # noqa: E731
        wait_until(over, 120, lambda: agent.log)
        assert scene.user.get_sweep(scene.sweep).state == "DONE", agent.log
        agent.stop()
    finally:
        agent.kill()


def test_twice_while_trials_are_being_saved(
    host: Host, ray: dict[str, str], tmp_path: Path
) -> None:
    """The save under way comes to its end, the state of that moment is saved, and a second SIGTERM
    shortens nothing."""
    grace = 30.0
    scene = Scene(host, tmp_path, "saving", ray, grace)
    client: Client = scene.user
    try:
        wait_until(scene.training, 90, lambda: scene.agent.log)
        scene.saving(1.5)
        began = time.monotonic()
        scene.agent.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        scene.agent.stop()
        took = time.monotonic() - began
        print(f"from SIGTERM to the end: {took:.1f} s, grace {grace:g} s")
        assert took < grace, scene.agent.log
        assert not client.get_sweep(scene.sweep).driven
        assert client.pools().items[0].agents == [], "it said goodbye"
        last = {n: record.attempts[-1] for n, record in scene.story().trials.items()}
        left = {n: attempt for n, attempt in last.items() if attempt.ended != "finished"}
        assert left
        assert {attempt.ended for attempt in left.values()} == {"preempted"}
        saved = {n: scene.saved(n) for n in left}
        assert all(saved[n] * 16 >= attempt.samples for n, attempt in left.items())
        scene.fast_again()
        end(scene)
        assert {n: scene.starts(n) for n in left} == {n: [0, saved[n]] for n in left}
    finally:
        scene.agent.kill()
        client.close()


@pytest.mark.slow
def test_a_save_that_hangs_costs_the_steps_since_the_one_before(
    host: Host, ray: dict[str, str], tmp_path: Path
) -> None:
    grace = 4.0
    scene = Scene(host, tmp_path, "hanging", ray, grace)
    try:
        wait_until(scene.training, 90, lambda: scene.agent.log)
        before = {n: scene.saved(n) for n, r in scene.story().trials.items() if r.reports}
        scene.saving(600)
        took = scene.agent.stop()
        print(f"from SIGTERM to the end: {took:.1f} s, grace {grace:g} s")
        assert grace <= took < grace + MARGIN, scene.agent.log
        assert "did not save in time and is killed" in scene.agent.log
        assert not scene.user.get_sweep(scene.sweep).driven
        left = [n for n, record in scene.story().trials.items() if record.state == "RUNNING"]
        assert set(left) & set(before)
        scene.fast_again()
        end(scene)
        for number in left:
            first, second = scene.starts(number)
            assert (first, second >= before.get(number, 0)) == (0, True)
            ends = [attempt.ended for attempt in scene.story().trials[number].attempts]
            assert ends == ["lost", "finished"]
    finally:
        scene.agent.kill()
        scene.user.close()
