"""Trials of two ranks on a real Ray, paused together and broken together."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
import ray
from tests_support import toy_spec

from sweeps.journal import Prepared
from sweeps.spec import SweepSpec
from tests.workers.tune.test_run import SWEEP, Bench, joined
from workers.book import Book
from workers.ray_head import RayHead
from workers.settings import WorkerSettings
from workers.tune.run import run_tune

__all__ = ["joined"]
pytestmark = pytest.mark.xdist_group("ray")


class Pair(Bench):
    """A driver whose trials have two ranks."""

    def __init__(self, folder: Path, spec: SweepSpec, **changes: Any) -> None:
        settings = WorkerSettings(storage=folder)
        book = Book(settings.sweep_folder(SWEEP) / "journal.jsonl", [])
        if book.story.prepared is None:
            book.append(Prepared(horizon_samples=320, devices_per_trial=2, ranks=2))
        book.close()
        super().__init__(folder, spec, slots=2, **changes)

    def run(self, cpus: float = 2) -> None:
        self.conductor.recover()
        run_tune(self.steering, {"cpu": cpus, "gpu": 0}, self.book.folder, ranks=2)
        self.conductor.close()

    def ends(self) -> list[list[str | None]]:
        return [[a.ended for a in r.attempts] for r in self.book.story.trials.values()]


def toy(folder: Path, **options: Any) -> SweepSpec:
    folder.mkdir(exist_ok=True)
    asked = {"pid_file": str(folder / "pids"), "marker": str(folder / "marker"), **options}
    return toy_spec(workload={"recipe": "toy", "options": asked})


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_ranks_that_raise_or_are_paused_together(joined: RayHead, tmp_path: Path) -> None:
    """A pause saves one checkpoint of both, from which another driver goes on; what a rank other
    than the first raises is told as its own, not as what rank 0 made of it."""
    folder = tmp_path / "two"
    spec = toy(folder, step_seconds=0.03, raise_at=9, rank=1, raise_rate=0.5)
    first = Pair(folder, spec)
    first.on("report", lambda _: first.leave.set())
    first.run()
    first.book.close()
    assert first.ends()[0] == ["preempted"]
    again = Pair(folder, spec)
    again.run()
    assert again.states() == ["DONE"] * 4
    assert again.ends()[0] == ["preempted", "finished"]
    assert again.ends()[2] == ["failed", "finished"]
    error = str(again.book.story.trials[2].attempts[0].error)
    assert error.startswith("On rank 1 of 2:")
    assert "raised at step 9 as told" in error
    deadline = time.monotonic() + 60
    while ray.available_resources().get("CPU") != 4.0:
        assert time.monotonic() < deadline, ray.available_resources()
        time.sleep(0.1)
