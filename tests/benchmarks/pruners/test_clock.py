from __future__ import annotations

import math
from pathlib import Path

import pytest
from curve_files import small_sweep, write_folder

from benchmarks.pruners.clock import Told, play, tracks
from sweeps.simulator.folders import read_groups
from sweeps.simulator.recorded import Group
from sweeps.simulator.simulate import simulate
from sweeps.trial import Action

POINTS = 10


@pytest.fixture
def group(tmp_path: Path) -> Group:
    return read_groups(write_folder(tmp_path, *small_sweep()))[0]


class Script:
    """First come, first served; the answers are given by (trial, point)."""

    def __init__(self, trials: int, answers: dict[tuple[int, int], Action]) -> None:
        self.ready, self.answers = list(range(trials)), answers
        self.completed: list[int] = []

    def choose(self) -> int | None:
        return self.ready.pop(0) if self.ready else None

    def tell(self, trial: int, told: Told) -> Action:
        action = self.answers.get((trial, told.point), Action.CONTINUE)
        if action == Action.PAUSE:
            self.ready.append(trial)
        return action

    def complete(self, trial: int, told: Told) -> None:
        self.completed.append(trial)


def run(samples: int = 100) -> tuple[Told, ...]:
    return tuple(Told(point, point * samples, 0.5, point == 4) for point in range(1, 5))


def test_a_run_tells_what_the_simulator_reports(group: Group) -> None:
    """Every point, sample and metric of the runs that no guard stops."""
    spec = group.spec(POINTS, pruning={"type": "never"})
    story = simulate(spec, group).story
    for number, track in enumerate(tracks(group, spec)):
        reports = story.trials[number].reports
        if number in (3, 6):
            continue
        assert [told.point for told in track] == sorted(reports)
        assert [told.samples for told in track] == [r.samples for _, r in sorted(reports.items())]
        assert [told.value for told in track] == [
            r.metrics.get("eval_metric") for _, r in sorted(reports.items())
        ]
        assert [told.last for told in track] == [False] * (len(track) - 1) + [True]


def test_a_run_that_broke_runs_on(group: Group) -> None:
    """Guards are ours; the other libraries have none."""
    spec = group.spec(POINTS)
    assert len(simulate(spec, group).story.trials[3].reports) < 3
    assert [told.point for told in tracks(group, spec)[3]] == list(range(1, POINTS + 1))


def test_without_a_metric_the_loss_is_told(tmp_path: Path) -> None:
    rows, finals = small_sweep()
    for row in rows:
        row["eval_metric"] = None
    (group,) = read_groups(write_folder(tmp_path, rows, finals))
    found = tracks(group, group.spec(POINTS))
    losses = [row["train_loss"] for row in rows if row["config_id"] == "lr=0.1"][:4]
    assert found[0][0].value == pytest.approx(sum(losses) / 4)
    assert math.isnan(found[3][-1].value or 0.0)


def test_slots_are_kept_and_time_counts_samples() -> None:
    script = Script(3, {(0, 2): Action.STOP})
    played = play([run(), run(), run()], script, slots=2)
    assert played.samples == [200, 400, 400]
    assert played.finished == {1: 400.0, 2: 600.0}
    assert played.seconds == 600.0
    assert script.completed == [1, 2]


def test_a_paused_run_goes_on_where_it_was() -> None:
    script = Script(2, {(0, 1): Action.PAUSE})
    played = play([run(), run()], script, slots=1)
    assert played.samples == [400, 400]
    assert played.finished == {1: 500.0, 0: 800.0}
