from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from curve_files import Row, small_sweep, write_folder

from sweeps.simulator.folders import read_groups
from sweeps.simulator.recorded import Group
from sweeps.simulator.simulate import simulate
from sweeps.simulator.tables import CurvesError

SHARED = Path("/work/shared/data/curves")


def rows(config: str = "a", n: int = 4, x: str = "step", **cells: Any) -> list[Row]:
    return [
        {"group": "g", "config_id": config, x: i, "train_loss": 1.0 / i, **cells}
        for i in range(1, n + 1)
    ]


def line(config: str = "a", final: float | None = 1.0, **cells: Any) -> Row:
    return {
        "group": "g", "config_id": config, "final_metric": final, "higher_is_better": False, **cells
    }  # fmt: skip


def one(folder: Path, runs: list[Row], finals: list[Row], kind: str = "parquet") -> Group:
    (group,) = read_groups(write_folder(folder, runs, finals, kind))
    return group


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_small_sweep_is_read(tmp_path: Path, kind: str) -> None:
    group = one(tmp_path, *small_sweep(), kind)
    assert (group.axis, group.horizon, group.name) == ("samples", 400, "toy")
    assert [len(run.x) for run in group.runs if run.params["config_id"] == "lr=0.05"] == [30]
    run = next(run for run in group.runs if run.params["config_id"] == "lr=0.1")
    assert run.params == {"config_id": "lr=0.1", "learning_rate": 0.1, "global_batch_size": 10}
    assert run.metric.there.tolist() == [False, True] * 20


@pytest.mark.parametrize(
    ("x", "axis"), [("samples_seen", "samples"), ("step", "step"), ("epoch", "epoch")]
)
def test_each_axis_will_do(tmp_path: Path, x: str, axis: str) -> None:
    group = one(tmp_path, rows(x=x), [line()])
    assert (group.axis, group.horizon) == (axis, 4)


def test_samples_come_before_steps(tmp_path: Path) -> None:
    told = [{**row, "samples_seen": row["step"] * 32} for row in rows()]
    group = one(tmp_path, told, [line(step_hint=10)])
    assert (group.axis, group.horizon) == ("samples", 320)


@pytest.mark.parametrize(
    ("cells", "x", "horizon"),
    [
        ({"horizon_samples": 50, "step_hint": 7}, "samples_seen", 50),
        ({"horizon_samples": 50, "step_hint": 7}, "step", 7),
        ({"step_hint": 7, "batch_size": 2}, "samples_seen", 14),
        ({"step_hint": 7}, "samples_seen", 4),
        ({"step_hint": 7}, "epoch", 4),
        ({"step_hint": math.nan}, "step", 4),
        ({}, "step", 4),
    ],
)
def test_the_horizon_is_named_or_the_longest_run(
    tmp_path: Path, cells: Row, x: str, horizon: int
) -> None:
    assert one(tmp_path, rows(x=x), [line(**cells)]).horizon == horizon


def test_parts_of_epochs_are_counted_in_thousandths(tmp_path: Path) -> None:
    halves = [{**row, "epoch": row["epoch"] / 2} for row in rows(x="epoch")]
    group = one(tmp_path, halves, [line()])
    assert group.horizon == 2000
    assert group.runs[0].x.tolist() == [500, 1000, 1500, 2000]


def test_invalid_runs_and_runs_without_a_line_are_left_out(tmp_path: Path) -> None:
    told = rows("a") + rows("b") + rows("c")
    for no in (False, "False", 0):
        group = one(tmp_path, told, [line("a", valid=True), line("b", valid=no)], "csv")
        assert [run.params["config_id"] for run in group.runs] == ["a"]


def test_a_final_that_is_not_a_number_stays_a_run(tmp_path: Path) -> None:
    told = rows("a") + rows("b") + rows("c")
    finals = [line("a", None), line("b", math.nan), line("c", math.inf)]
    finals_of = [run.final for run in one(tmp_path, told, finals).runs]
    assert finals_of[0] is None
    assert math.isnan(finals_of[1] or 0)
    assert finals_of[2] == math.inf


def test_groups_of_one_problem_are_kin(tmp_path: Path) -> None:
    def problem(name: str, **notes: str) -> str:
        runs, finals = small_sweep("task/adam")
        (group,) = read_groups(write_folder(tmp_path / name, runs, [f | notes for f in finals]))
        return group.problem

    assert problem("by-name") == "task"
    assert problem("noted", problem="other") == "other"
    assert problem("workload", problem="other", workload="third") == "third"


def test_directions_may_differ(tmp_path: Path) -> None:
    lines = [line(eval_higher_is_better=True)]
    told = [{**row, "eval_metric": 0.5} for row in rows()]
    group = one(tmp_path, told, lines, "csv")
    assert (group.higher_is_better, group.eval_higher_is_better) == (False, True)
    assert group.spec().spec.metric.goal == "maximize"


def test_small_groups_can_be_left_out(tmp_path: Path) -> None:
    write_folder(tmp_path, rows("a") + rows("b"), [line("a"), line("b")])
    assert read_groups(tmp_path, min_trials=3) == []
    assert len(read_groups(tmp_path, min_trials=2)) == 1


def test_without_an_axis_there_is_nothing_to_read(tmp_path: Path) -> None:
    write_folder(tmp_path, [{"group": "g", "config_id": "a", "train_loss": 1.0}], [line()])
    with pytest.raises(CurvesError, match="samples_seen, step, epoch"):
        read_groups(tmp_path)


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"no recorded curves at {SHARED}")
@pytest.mark.parametrize("name", ["stepback", "llm_lr_schedules", "deepobs_lr"])
def test_public_curves_run_to_their_end(name: str) -> None:
    groups = read_groups(SHARED / name)
    assert len(groups) > 10
    for group in groups[:4]:
        simulation = simulate(group.spec(pruning={"type": "median"}), group, slots=4)
        assert len(simulation.story.trials) == len(group.runs)
        assert simulation.result.best is not None
