"""Base, preset and confirmation runs on a real Ray, in the slots of the search."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from e2e_support import sft_spec, write_data
from tests_support import TOY, toy_spec

from service.client import Client
from service.schemas import Lease
from sweeps.conductor import Conductor
from sweeps.journal import Prepared
from sweeps.keeping import best_finished
from sweeps.pruners import make_pruner
from sweeps.pruners.decide import verdict
from sweeps.result import make_result
from sweeps.searchers import make_searcher
from sweeps.simulator.refold import refold
from sweeps.spec import SweepSpec
from sweeps.trial import Role
from workers.book import Book
from workers.ending import ending
from workers.lease import LeaseKeeper
from workers.order import OrderMaker
from workers.preparing import prepare
from workers.ray_head import RayHead
from workers.settings import WorkerSettings
from workers.tune.run import join_ray, leave_ray, run_tune
from workers.tune.steering import Steering
from workers.weights import kept_weights

SWEEP = "swp_" + "3" * 32
CONFIRM = {"top": 2, "seeds": 2}
pytestmark = pytest.mark.xdist_group("ray")


@pytest.fixture(scope="module")
def joined(ray_head: RayHead) -> Iterator[RayHead]:
    join_ray(ray_head.env["RAY_ADDRESS"], namespace="rows")
    yield ray_head
    leave_ray()


class Drive:
    """A driver without its service, to the end of a sweep."""

    def __init__(self, spec: SweepSpec, settings: WorkerSettings, prepared: Prepared) -> None:
        self.spec, self.settings = spec, settings
        self.book = Book(settings.sweep_folder(SWEEP) / "journal.jsonl", [])
        self.book.append(prepared)
        pruner, searcher = make_pruner(spec), make_searcher(spec, prepared.horizon_samples)
        judge = partial(verdict, spec, pruner)
        self.conductor = Conductor(
            spec, self.book.story, searcher, judge, self.book.append, pruner.revive
        )
        fields = {"sweep": SWEEP, "spec": {}, "state": "RUNNING", "token": 1, "slots": 2}
        more = {"expires_in": 30, "renew_every": 5, "commands": [], "tracking": None}
        keeper = LeaseKeeper(Client("http://127.0.0.1:9"), Lease.model_validate(fields | more))
        maker = OrderMaker(SWEEP, spec, prepared, settings, None)
        steering = Steering(self.conductor, maker, keeper, Event())
        run_tune(steering, {"cpu": 1, "gpu": 0}, self.book.folder)
        self.conductor.close()
        steering.tidy_all()
        self.book.close()

    def roles(self) -> list[tuple[Role, str]]:
        records = self.book.story.trials.values()
        return [(record.trial.role, record.state) for record in records]


def done(*roles: Role) -> list[tuple[Role, str]]:
    return [(role, "DONE") for role in roles]


def kept(folder: Path) -> Sequence[str]:
    """The trials that have a checkpoint left."""
    return sorted({path.parent.parent.name for path in folder.glob("trials/*/checkpoints/step-*")})


def test_a_base_row_that_fails_fails_nothing_else(joined: RayHead, tmp_path: Path) -> None:
    """The toy recipe cannot evaluate untrained; here its driver believes that it can."""
    settings = WorkerSettings(storage=tmp_path, recipes=TOY, data_roots="", beat_seconds=0.1)
    rows = [Role.BASE, Role.PRESET]
    prepared = Prepared(horizon_samples=320, devices_per_trial=1, rows=rows)
    spec = toy_spec(confirm=CONFIRM)
    drive = Drive(spec, settings, prepared)
    assert drive.roles() == [
        (Role.BASE, "FAILED"),
        *done(Role.PRESET, *[Role.SEARCH] * 4, *[Role.CONFIRM] * 4),
    ]
    assert refold(spec, drive.book.entries) == []
    end = ending(drive.conductor)
    assert end.state == "DONE"
    found = make_result(spec, drive.book.story)
    assert [row.runs for row in found.ranking] == [2, 2, 1, 1]
    assert found.samples_run == 4 * 320
    # Batches of 128: the third step crosses the end.
    assert found.samples_beside == {"base": 0, "preset": 384, "confirm": 4 * 320}
    assert any("cannot evaluate an untrained model" in note for note in found.notes)


@pytest.mark.slow
def test_every_row_of_the_real_recipe(joined: RayHead, tmp_path: Path) -> None:
    write_data(tmp_path / "train.jsonl", 40, seed=1)
    write_data(tmp_path / "eval.jsonl", 10, seed=2)
    changes: dict[str, Any] = {"confirm": CONFIRM, "horizon": {"samples": 400}}
    spec = sft_spec("rows", tmp_path, baselines={"base": True}, **changes)
    settings = WorkerSettings(storage=tmp_path / "s", data_roots=str(tmp_path), beat_seconds=0.1)
    prepared = prepare(spec, settings, "cpu")
    assert prepared.rows == [Role.BASE, Role.PRESET]
    drive = Drive(spec, settings, prepared)
    assert drive.roles() == done(Role.BASE, Role.PRESET, *[Role.SEARCH] * 3, *[Role.CONFIRM] * 4)
    assert refold(spec, drive.book.entries) == []
    found = make_result(spec, drive.book.story)
    base, preset, *confirm = found.beside
    # An untrained model guesses: log 300 nats a token; a preset of 4 steps at 2e-5 hardly learns.
    assert base.final == pytest.approx(math.log(300), rel=0.05)
    assert preset.final == pytest.approx(base.final, rel=0.05)
    assert base.difference is not None
    assert base.difference > 0.5
    # The seeds differ, and so do the runs.
    assert len({row.seed for row in confirm}) == 4
    assert all(row.error is not None for row in found.ranking[:2])
    # Of all of them only the weights of the best search trial stay, and of the recommended one.
    assert found.recommended is not None
    stay = list(dict.fromkeys([found.ranking[0].trial, found.recommended]))
    assert best_finished(spec, drive.book.story) == stay
    assert kept(drive.book.folder) == sorted(f"{number:05d}" for number in stay)
    assert sorted(kept_weights(settings, SWEEP, spec, drive.book.story)) == sorted(stay)
