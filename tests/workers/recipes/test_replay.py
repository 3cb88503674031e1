from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from curve_files import small_sweep, write_folder
from recipe_support import RecordingLink, Run, make_run, timeless

from sweeps.errors import SpecError
from sweeps.simulator.folders import read_groups
from sweeps.simulator.walk import Walk
from sweeps.spec import Workload
from sweeps.trial import Report, Trial
from workers.recipes import load_recipe
from workers.recipes.context import Order, Paused
from workers.recipes.replay import prepare, run
from workers.roots import DataRoots

POINTS = 5


def workload(**options: Any) -> Workload:
    given = {"folder": "curves", "group": "toy", **options}
    kept = {name: value for name, value in given.items() if value is not None}
    return Workload.model_validate({"recipe": "replay", "options": kept})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_folder(tmp_path / "curves", *small_sweep())
    return tmp_path


def replay(root: Path, config: str, trial: str = "trial", link: RecordingLink | None = None) -> Run:
    params = {"config_id": config, "global_batch_size": 10, "learning_rate": 0.1}
    made = make_run(
        root, workload(), params, horizon=400, points=POINTS, trial=trial, link=link
    )  # fmt: skip
    run(made.context)
    return made


def dumped(reports: list[Report]) -> list[str]:
    return [timeless(report).model_dump_json() for report in reports]


def simulated(root: Path, config: str) -> list[str]:
    (group,) = read_groups(root / "curves")
    made = make_run(root, horizon=400, points=POINTS, params={"global_batch_size": 10})
    trial = Trial(0, {"config_id": config, "global_batch_size": 10, "learning_rate": 0.1})
    plan = made.context.plan
    return dumped(list(iter(Walk(group.of(trial, plan), plan, 1).next_report, None)))


@pytest.mark.parametrize("config", ["lr=0.1", "lr=0.05"])
def test_a_run_is_told_as_the_simulator_tells_it(root: Path, config: str) -> None:
    """The second one reached its target at three quarters."""
    told = dumped(replay(root, config).link.reports)
    assert told == simulated(root, config)


def test_a_resumed_replay_goes_on_where_it_was(root: Path) -> None:
    whole = dumped(replay(root, "lr=0.1", "whole").link.reports)
    paused = RecordingLink(Order.PAUSE, order_at=170)
    with pytest.raises(Paused):
        replay(root, "lr=0.1", "broken", paused)
    rest = replay(root, "lr=0.1", "broken")
    assert dumped([*paused.reports, *rest.link.reports]) == whole
    assert len(paused.reports) == 2


def test_an_operator_registers_it(root: Path) -> None:
    recipe = load_recipe("replay", "replay=workers.recipes.replay:run")
    facts = recipe.prepare(workload(), DataRoots((root,)))
    assert facts.train_samples == 400
    assert facts == prepare(workload(), DataRoots((root,)))


@pytest.mark.parametrize(
    ("options", "pointer", "said"),
    [
        ({"folder": None}, "folder", "nothing"),
        ({"group": None}, "group", "nothing"),
        ({"group": "other"}, "group", "There are: toy"),
        ({"folder": "../elsewhere"}, "folder", "data roots"),
        ({"folder": "."}, "folder", r"runs\.parquet"),
    ],
)
def test_what_cannot_be_replayed_is_named(
    root: Path, options: dict[str, Any], pointer: str, said: str
) -> None:
    with pytest.raises(SpecError, match=said) as caught:
        prepare(workload(**options), DataRoots((root,)))
    assert caught.value.faults[0].pointer == f"/spec/workload/options/{pointer}"


def test_runs_with_silent_stretches_are_refused(root: Path) -> None:
    runs, finals = small_sweep()
    runs[3]["train_loss"] = None
    write_folder(root / "curves", runs, finals)
    with pytest.raises(SpecError, match="1 runs have rows without train_loss"):
        prepare(workload(), DataRoots((root,)))
