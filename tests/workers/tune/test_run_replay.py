"""Parity: a sweep of recorded curves on a real Ray, and the same sweep on the virtual clock."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from curve_files import small_sweep, write_folder

from service.client import Client
from service.schemas import Lease
from sweeps.conductor import Conductor
from sweeps.journal import Entry, Judged
from sweeps.pruners import PRUNERS, make_pruner
from sweeps.pruners.base import parting
from sweeps.pruners.decide import verdict
from sweeps.searchers import make_searcher
from sweeps.simulator.folders import read_groups
from sweeps.simulator.recorded import Group
from sweeps.simulator.refold import refold
from sweeps.simulator.simulate import simulate
from sweeps.spec import SweepSpec
from workers.book import Book
from workers.lease import LeaseKeeper
from workers.order import OrderMaker
from workers.preparing import prepare
from workers.ray_head import RayHead
from workers.settings import WorkerSettings
from workers.tune.run import join_ray, leave_ray, run_tune
from workers.tune.steering import Steering

SWEEP = "swp_" + "2" * 32
POINTS = 5
QUICK = ("halving", "median")
REPLAY = "replay=workers.recipes.replay:run"
pytestmark = pytest.mark.xdist_group("ray")
# What a wall clock measured.
# And what the device is, which the simulator has not.
_CLOCKS = ("seconds", "tokens_per_second", "footprint")


@pytest.fixture(scope="module")
def joined(ray_head: RayHead) -> Iterator[RayHead]:
    join_ray(ray_head.env["RAY_ADDRESS"], namespace="replay")
    yield ray_head
    leave_ray()


@pytest.fixture(scope="module")
def group(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Group]:
    root = tmp_path_factory.mktemp("roots")
    write_folder(root / "curves", *small_sweep())
    (found,) = read_groups(root / "curves")
    return root, found


def replayed(group: Group, pruner: str) -> SweepSpec:
    options = {"folder": "curves", "group": group.name}
    workload = {"recipe": "replay", "options": options}
    return group.spec(POINTS, pruning={"type": pruner}, workload=workload)


def live(spec: SweepSpec, storage: Path, root: Path, slots: int) -> list[Entry]:
    """The journal of the sweep on Ray, driven as a driver drives it."""
    settings = WorkerSettings(
        storage=storage, recipes=REPLAY, data_roots=str(root), beat_seconds=0.1
    )
    book = Book(settings.sweep_folder(SWEEP) / "journal.jsonl", [])
    prepared = prepare(spec, settings, "cpu")
    book.append(prepared)
    pruner = make_pruner(spec)
    conductor = Conductor(
        spec,
        book.story,
        make_searcher(spec, prepared.horizon_samples),
        partial(verdict, spec, pruner),
        book.append,
        pruner.revive,
        parting(pruner),
    )
    fields = {"sweep": SWEEP, "spec": {}, "state": "RUNNING", "token": 1, "slots": slots}
    lease = Lease.model_validate(
        {**fields, "expires_in": 30, "renew_every": 5, "commands": [], "tracking": None}
    )
    keeper = LeaseKeeper(Client("http://127.0.0.1:9"), lease)
    maker = OrderMaker(SWEEP, spec, prepared, settings, None)
    run_tune(Steering(conductor, maker, keeper, threading.Event()), {"cpu": 1}, book.folder)
    conductor.close()
    book.close()
    return book.entries


def timeless(entries: Sequence[Entry]) -> list[Any]:
    """The bodies, without what a wall clock measured; as JSON, so that NaN equals NaN."""
    return [_strip(json.loads(entry.body.model_dump_json())) for entry in entries]


def _strip(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _strip(inner) for name, inner in value.items() if name not in _CLOCKS}
    return [_strip(inner) for inner in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    "pruner",
    # A stop and a pause are what can differ; the others take as long and add little.
    [p if p in QUICK else pytest.param(p, marks=pytest.mark.slow) for p in sorted(PRUNERS)],
)
def test_ray_on_one_slot_writes_the_simulator_s_journal(
    joined: RayHead, group: tuple[Path, Group], tmp_path: Path, pruner: str
) -> None:
    root, curves = group
    spec = replayed(curves, pruner)
    real = live(spec, tmp_path, root, slots=1)
    simulated = simulate(spec, curves, slots=1, prepared=real[0].body)  # type: ignore[arg-type]
    assert timeless(real) == timeless(simulated.entries)
    assert refold(spec, real) == []
    # Guards and pruner both had something to say, else equal journals would mean little.
    reasons = {entry.body.verdict.reason for entry in real if entry.body.type == "report"}
    assert "non_finite_loss" in reasons
    assert pruner == "never" or pruner in reasons
    assert simulated.result.compute_saved is not None
    assert simulated.result.compute_saved > 0.1


@pytest.mark.slow
def test_a_journal_of_two_slots_gives_its_verdicts_again(
    joined: RayHead, group: tuple[Path, Group], tmp_path: Path
) -> None:
    root, curves = group
    spec = replayed(curves, "halving")
    entries = live(spec, tmp_path, root, slots=2)
    assert refold(spec, entries) == []
    revived = [entry for entry in entries if isinstance(entry.body, Judged)]
    assert revived
