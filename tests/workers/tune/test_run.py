"""The adapters on a real Ray: whole small sweeps, with everything that may happen to a trial."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import ray
from tests_support import TOY, toy_spec

from service.client import Client
from service.schemas import Lease
from sweeps.conductor import Command, Conductor
from sweeps.journal import Entry, Prepared
from sweeps.keeping import best_finished
from sweeps.pruners import make_pruner
from sweeps.pruners.decide import verdict
from sweeps.searchers import make_searcher
from sweeps.spec import SweepSpec
from sweeps.trial import Report
from workers.book import Book
from workers.lease import LeaseKeeper
from workers.order import OrderMaker
from workers.ray_head import RayHead
from workers.settings import WorkerSettings
from workers.tune.run import join_ray, leave_ray, run_tune
from workers.tune.steering import Steering

SWEEP = "swp_" + "1" * 32
pytestmark = pytest.mark.xdist_group("ray")


class Bench:
    """A driver without its service: a book on disk, a conductor, Ray."""

    def __init__(self, folder: Path, spec: SweepSpec, slots: int = 2, **changes: Any) -> None:
        self.spec, self.folder = spec, folder
        given = {"recipes": TOY, "data_roots": "", "beat_seconds": 0.1, **changes}
        settings = WorkerSettings(storage=folder, **given)
        self.book = Book(settings.sweep_folder(SWEEP) / "journal.jsonl", [])
        if self.book.story.prepared is None:
            self.book.append(Prepared(horizon_samples=320, devices_per_trial=1))
        prepared = self.book.story.prepared
        assert prepared is not None
        pruner, searcher = make_pruner(spec), make_searcher(spec, 320)
        judge, story = partial(verdict, spec, pruner), self.book.story
        self._acts: list[tuple[str, Callable[[Entry], None]]] = []
        self.conductor = Conductor(spec, story, searcher, judge, self._append, pruner.revive)
        self.keeper = LeaseKeeper(Client("http://127.0.0.1:9"), lease(slots))
        self.leave = threading.Event()
        maker = OrderMaker(SWEEP, spec, prepared, settings, None)
        self.steering = Steering(self.conductor, maker, self.keeper, self.leave)

    def run(self, cpus: float = 1) -> None:
        self.conductor.recover()
        run_tune(self.steering, {"cpu": cpus, "gpu": 0}, self.book.folder)
        self.conductor.close()

    def on(self, kind: str, act: Callable[[Entry], None]) -> None:
        """Call `act` with each entry of a kind, as it is journalled."""
        self._acts.append((kind, act))

    def _append(self, body: Any) -> None:
        self.book.append(body)
        for kind, act in self._acts:
            if body.type == kind:
                act(self.book.entries[-1])

    def states(self) -> list[str]:
        return [str(record.state) for record in self.book.story.trials.values()]

    def reports(self) -> dict[int, list[Report]]:
        return {
            n: [_timeless(r) for r in record.reports.values()]
            for n, record in self.book.story.trials.items()
        }


def lease(slots: int) -> Lease:
    fields = {"sweep": SWEEP, "spec": {}, "state": "RUNNING", "token": 1, "slots": slots}
    return Lease.model_validate(
        {**fields, "expires_in": 30, "renew_every": 5, "commands": [], "tracking": None}
    )


def _timeless(report: Report) -> Report:
    window = report.window.model_copy(update={"tokens_per_second": None})
    return report.model_copy(update={"window": window})


@pytest.fixture(scope="module")
def joined(ray_head: RayHead) -> Iterator[RayHead]:
    join_ray(ray_head.env["RAY_ADDRESS"], namespace="tests")
    yield ray_head
    leave_ray()


def slow(seconds: float = 0.03, **options: Any) -> dict[str, Any]:
    return {"recipe": "toy", "options": {"step_seconds": seconds, **options}}


@pytest.fixture(scope="module")
def quiet(joined: RayHead, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """The same sweep with nothing happening to it."""
    bench = Bench(tmp_path_factory.mktemp("quiet"), toy_spec())
    bench.run()
    return bench


def test_a_quiet_sweep(quiet: Bench) -> None:
    assert quiet.states() == ["DONE"] * 4
    assert all(len(reports) == 5 for reports in quiet.reports().values())
    assert not (quiet.book.folder / "ray").exists()
    trials = quiet.book.folder / "trials"
    assert all((trials / f"0000{n}" / "metrics.jsonl").exists() for n in range(4))


def test_workers_stay_warm(joined: RayHead, tmp_path: Path) -> None:
    spec = toy_spec(workload={"recipe": "toy", "options": {"pid_file": str(tmp_path / "pids")}})
    Bench(tmp_path, spec, slots=1).run()
    pids = (tmp_path / "pids").read_text().split()
    assert len(pids) == 4
    assert len(set(pids)) <= 2  # Ray may start one spare


def test_a_worker_that_leaks_is_replaced_and_no_trial_notices(
    joined: RayHead, tmp_path: Path
) -> None:
    options = {"pid_file": str(tmp_path / "pids"), "leak_mb": 128}
    spec = toy_spec(workload={"recipe": "toy", "options": options})
    bench = Bench(tmp_path, spec, slots=1, worker_growth_mb=96)
    bench.run()
    assert bench.states() == ["DONE"] * 4
    assert all(len(record.attempts) == 1 for record in bench.book.story.trials.values())
    pids = (tmp_path / "pids").read_text().split()
    # Each worker's second trial is its last.
    assert max(pids.count(pid) for pid in pids) == 2


def test_a_killed_worker_is_resumed_elsewhere(quiet: Bench, tmp_path: Path) -> None:
    options = {"kill_at": 9, "marker": str(tmp_path / "killed")}
    bench = Bench(tmp_path, toy_spec(workload={"recipe": "toy", "options": options}))
    bench.run()
    assert (tmp_path / "killed").exists()
    assert bench.states() == ["DONE"] * 4
    ends = [a.ended for r in bench.book.story.trials.values() for a in r.attempts]
    assert ends.count("lost") == 1
    assert bench.reports() == quiet.reports()


def test_a_raising_recipe_fails_only_its_trial(joined: RayHead, tmp_path: Path) -> None:
    spec = toy_spec(
        workload={"recipe": "toy", "options": {"raise_at": 7, "raise_rate": 0.5}},
        resources={"max_attempts": 2},
    )
    bench = Bench(tmp_path, spec)
    bench.run()
    assert bench.states() == ["DONE", "DONE", "FAILED", "DONE"]
    record = bench.book.story.trials[2]
    assert len(record.attempts) == 2
    assert "raised at step 7" in str(record.reason)
    assert "toy_recipe.py" in str(record.reason)


def test_a_nan_stops_its_trial_at_once(joined: RayHead, tmp_path: Path) -> None:
    spec = toy_spec(
        workload={"recipe": "toy", "options": {"nan_at": 6}},
        parameters={
            "global_batch_size": {"values": [16]},
            "learning_rate": {"values": [0.1, 1.5]},
        },
    )
    bench = Bench(tmp_path, spec)
    bench.run()
    assert bench.states() == ["DONE", "STOPPED"]
    record = bench.book.story.trials[1]
    last = record.last_report
    assert last is not None
    assert record.verdicts[last.point].reason == "non_finite_loss"
    assert last.samples == 7 * 16


def test_median_stops_a_bad_trial(joined: RayHead, tmp_path: Path) -> None:
    rates = {
        "global_batch_size": {"values": [16]},
        "learning_rate": {"values": [0.5, 0.4, 0.3, 0.01]},
    }
    bench = Bench(tmp_path, toy_spec(pruning={"type": "median"}, parameters=rates), slots=1)
    bench.run()
    assert bench.states() == ["DONE", "DONE", "DONE", "STOPPED"]
    record = bench.book.story.trials[3]
    assert record.reason == "pruned"
    last = record.last_report
    assert last is not None
    assert last.point == 1
    assert record.verdicts[1].evidence.peers == [0, 1, 2]


def test_stop_and_cancel(joined: RayHead, tmp_path: Path) -> None:
    bench = Bench(tmp_path, toy_spec(workload=slow(0.2)))

    def act(entry: Entry) -> None:
        if len(bench.book.entries) < 12:
            bench.keeper.commands.put(Command("one", "stop_trial", 0))
        else:
            bench.keeper.commands.put(Command("all", "cancel"))

    bench.on("report", act)
    bench.run()
    assert set(bench.states()) == {"STOPPED"}
    assert bench.conductor.complete()


def test_leaving_saves_and_another_driver_goes_on(quiet: Bench, tmp_path: Path) -> None:
    bench = Bench(tmp_path, toy_spec(workload=slow()))
    bench.on("report", lambda _: bench.leave.set())
    bench.run()
    bench.book.close()
    assert "PENDING" in bench.states()
    again = Bench(tmp_path, toy_spec(workload=slow()))
    again.run()
    assert again.states() == ["DONE"] * 4
    assert again.reports() == quiet.reports()
    assert max(len(r.attempts) for r in again.book.story.trials.values()) == 2


def test_fewer_slots_preempt_and_nothing_is_lost(quiet: Bench, tmp_path: Path) -> None:
    bench = Bench(tmp_path, toy_spec(workload=slow()), slots=3)

    def act(_: Entry) -> None:
        bench.keeper.slots = 1

    bench.on("report", act)
    bench.run()
    assert bench.states() == ["DONE"] * 4
    ends = [a.ended for r in bench.book.story.trials.values() for a in r.attempts]
    assert "preempted" in ends
    assert bench.reports() == quiet.reports()


def test_fewer_slots_give_the_idle_worker_back(joined: RayHead, tmp_path: Path) -> None:
    bench = Bench(tmp_path, toy_spec(workload=slow(0.05)), slots=3)
    free: list[float] = []

    def act(_: Entry) -> None:
        bench.keeper.slots = 1
        free.append(ray.available_resources().get("CPU", 0.0))

    bench.on("report", act)
    bench.run()
    assert bench.states() == ["DONE"] * 4
    # Of 4 cores all but the one slot; the last trials end without a report in between.
    assert max(free) >= 3


def test_a_trial_without_a_place_can_be_cancelled(joined: RayHead, tmp_path: Path) -> None:
    bench = Bench(tmp_path, toy_spec(workload=slow(0.2)))

    def act(_: Entry) -> None:
        bench.keeper.commands.put(Command("all", "cancel"))

    bench.on("report", act)
    bench.run(cpus=3)  # of 4: only one of the two has room
    assert set(bench.states()) == {"STOPPED"}
    assert bench.conductor.complete()


def test_the_final_checkpoint_of_the_best_trial_stays_alone(quiet: Bench) -> None:
    quiet.steering.broom.sweep(rest_seconds=0)
    (best,) = best_finished(quiet.steering.conductor.spec, quiet.book.story)
    left = [path.relative_to(quiet.book.folder) for path in quiet.book.folder.rglob("step-*")]
    assert left == [Path(f"trials/{best:05d}/checkpoints/step-00000020")]


def test_ray_is_back_to_idle(quiet: Bench) -> None:
    deadline = time.monotonic() + 20
    while ray.available_resources().get("CPU") != 4.0:
        assert time.monotonic() < deadline, ray.available_resources()
        time.sleep(0.1)
