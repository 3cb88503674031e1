"""One sweep of short trials on one slot, and how long each took to begin after the one before.

    python -m benchmarks.training.switching FOLDER TRIALS stop|end

A process of its own, for what Ray reads from the environment it reads when it is imported. Prints
the seconds as JSON. `stop`: every trial is stopped at its first decision point. `end`: every trial
runs to its end, and its worker is replaced.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

from service.client import Client
from service.schemas import Lease
from sweeps.conductor import Conductor
from sweeps.journal import AttemptEnded, Prepared, Reported, Story
from sweeps.pruners import make_pruner
from sweeps.pruners.decide import verdict
from sweeps.searchers import make_searcher
from sweeps.spec import SweepSpec, parse
from sweeps.trial import GO_ON, Action, Report, Verdict
from workers.book import Book
from workers.lease import LeaseKeeper
from workers.order import OrderMaker, trial_folder
from workers.settings import WorkerSettings
from workers.tune.run import join_ray, leave_ray, run_tune
from workers.tune.steering import Steering

BATCH, SAMPLES = 32, 96
SWEEP = "swp_" + "1" * 32
STOP = Verdict(action=Action.STOP, reason="benchmark", message="Every trial stops here.")


def main() -> None:
    """Run the sweep on the Ray at RAY_ADDRESS."""
    folder, trials, how = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    join_ray(os.environ["RAY_ADDRESS"], namespace="starts")
    try:
        print(json.dumps(switches(folder, trials, stop=how == "stop")))
    finally:
        leave_ray()


def switches(folder: Path, trials: int, *, stop: bool) -> list[float]:
    """Seconds from each trial to the next, of a sweep of so many."""
    settings = WorkerSettings(storage=folder / f"starts-{os.getpid()}", data_roots=str(folder))
    if not stop:
        # No worker is small enough to be kept.
        settings = settings.model_copy(update={"worker_growth_mb": -1})
    book = Book(settings.sweep_folder(SWEEP) / "journal.jsonl", [])
    ended: dict[int, float] = {}
    append = book.append

    def note(body: Any) -> None:
        append(body)
        said = isinstance(body, Reported) and body.verdict.action is Action.STOP
        if said or (not stop and isinstance(body, AttemptEnded)):
            ended.setdefault(body.trial, time.time())

    try:
        _drive(_spec(trials), settings, book, note, stop=stop)
        began = {n: _first_step(trial_folder(book.folder, n)) for n in range(trials)}
    finally:
        book.close()
    return [began[n + 1] - ended[n] for n in range(trials - 1)]


def _drive(
    spec: SweepSpec, settings: WorkerSettings, book: Book, append: Any, *, stop: bool
) -> None:
    """A driver without its service: the conductor and Ray, on one slot."""
    book.append(Prepared(horizon_samples=SAMPLES, devices_per_trial=1))
    prepared = book.story.prepared
    assert prepared is not None  # noqa: S101 - appended just above
    judge = _stop if stop else partial(verdict, spec, make_pruner(spec))
    conductor = Conductor(spec, book.story, make_searcher(spec, SAMPLES), judge, append)
    keeper = LeaseKeeper(Client("http://127.0.0.1:9"), _lease())
    maker = OrderMaker(SWEEP, spec, prepared, settings, None)
    steering = Steering(conductor, maker, keeper, threading.Event())
    run_tune(steering, {"cpu": 1, "gpu": 0}, book.folder)


def _stop(story: Story, number: int, report: Report) -> Verdict:
    del story, number
    return STOP if report.guard is None else GO_ON


def _spec(trials: int) -> SweepSpec:
    """Short trials of the demo's model, as many as there are learning rates."""
    rates = [1e-3 * (1 + step / 100) for step in range(trials)]
    body = {
        "workload": {
            "model": "base",
            "data": {"train": "data/train.jsonl", "eval": "data/eval.jsonl"},
            "max_length": 48,
        },
        "parameters": {
            "global_batch_size": {"values": [BATCH]},
            "learning_rate": {"values": rates},
        },
        "method": {"type": "grid"},
        "metric": {"name": "eval_loss", "goal": "minimize"},
        "horizon": {"samples": SAMPLES},
        "report": {"points": SAMPLES // BATCH},
        "evaluation": {"every_points": SAMPLES // BATCH, "max_examples": 8},
        "pruning": {"type": "never"},
        "baselines": {"base": False, "preset": None},
    }
    head = {"apiVersion": "sweeps/v1", "kind": "Sweep", "metadata": {"name": "starts"}}
    return parse({**head, "spec": body})


def _first_step(folder: Path) -> float:
    """When the first optimizer step of a trial was over, in seconds since the epoch."""
    with (folder / "metrics.jsonl").open() as lines:
        first: dict[str, Any] = json.loads(next(lines))
    return float(first["t"]) / 1000


def _lease() -> Lease:
    fields = {"sweep": SWEEP, "spec": {}, "state": "RUNNING", "token": 1, "slots": 1}
    rest = {"expires_in": 30, "renew_every": 5, "commands": [], "tracking": None}
    return Lease.model_validate({**fields, **rest})


if __name__ == "__main__":
    main()
