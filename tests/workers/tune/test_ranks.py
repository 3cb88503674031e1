"""Trials of two ranks on a real Ray: warm between trials, and a dead rank costs one attempt."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
import ray
from ray.util import placement_group_table
from tests_support import toy_spec

from sweeps.journal import Prepared
from sweeps.spec import SweepSpec
from tests.workers.tune.test_run import SWEEP, Bench, joined
from workers.book import Book
from workers.ray_head import RayHead
from workers.settings import WorkerSettings
from workers.tune.ranks import WATCHER_CPUS, rank_bundles
from workers.tune.run import largest_node, run_tune

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


def test_a_trial_takes_one_node(joined: RayHead) -> None:
    factory = rank_bundles({"cpu": 8, "gpu": 4}, 4)
    rank, watcher = {"CPU": 2.0, "GPU": 1.0}, {"CPU": WATCHER_CPUS}
    assert factory.bundles == [watcher, {**rank, "CPU": 1.99}, *[rank] * 3]
    assert factory.strategy == "STRICT_PACK"
    assert largest_node() == {"CPU": 4.0, "GPU": 0.0}


@pytest.mark.parametrize(("cpus", "ranks"), [(2, 2), (8, 3), (0.1, 4), (0.02, 2), (64, 8)])
def test_a_trial_asks_for_no_more_than_was_checked(cpus: float, ranks: int) -> None:
    """All cores of a node can be asked for: Ray's own sum of the bundles, in its steps of 1e-4,
    fits in what one node has, and wastes next to nothing."""
    bundles = rank_bundles({"cpu": cpus, "gpu": 0}, ranks).bundles
    steps = [round(bundle["CPU"] * 10_000, 6) for bundle in bundles]
    assert all(step == int(step) > 0 for step in steps)
    assert cpus * 10_000 - ranks <= sum(steps) <= cpus * 10_000


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_killed_rank_costs_one_attempt_and_the_set_is_replaced(
    joined: RayHead, tmp_path: Path
) -> None:
    alone = Bench(tmp_path / "one", toy(tmp_path / "one"))
    alone.run()
    # The second trial's rank 1 is killed after its 9th step, between two decision points.
    bench = Pair(tmp_path / "two", toy(tmp_path / "two", kill_at=9, rank=1, raise_rate=0.2))
    bench.run()
    assert bench.states() == ["DONE"] * 4
    assert bench.ends() == [["finished"], ["lost", "finished"], ["finished"], ["finished"]]
    error = str(bench.book.story.trials[1].attempts[0].error)
    assert "Rank 1 of the trial's 2 (process" in error
    assert "is gone" in error
    assert bench.reports() == alone.reports()
    # Two ranks each: one pair until one of them died, another for all that came after.
    pids = (tmp_path / "two" / "pids").read_text().split()
    assert (len(pids), len(set(pids))) == (2 * 5, 2 * 2)
    left = [group for group in placement_group_table().values() if group["state"] != "REMOVED"]
    assert left == []


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
