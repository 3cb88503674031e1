from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
from curve_files import small_sweep, write_folder

from sweeps.checks import check
from sweeps.points import RunPlan, run_plan
from sweeps.simulator.curves import LossUnknown, Silence
from sweeps.simulator.folders import read_groups
from sweeps.simulator.recorded import Group, RecordedCurve, Run, whole
from sweeps.simulator.simulate import simulate
from sweeps.simulator.tables import CurvesError, Numbers
from sweeps.spec import Metric
from sweeps.trial import Params, StepRecord, Trial


def column(*cells: float | None) -> Numbers:
    there = np.array([cell is not None for cell in cells])
    return Numbers(np.array([math.nan if c is None else c for c in cells]), there)


def recorded(
    x: list[int], loss: Numbers, metric: Numbers, final: float | None = 0.5, **params: float
) -> Run:
    nothing = column(*[None] * len(x))
    cell: Params = {"config_id": "a", **params}
    return Run(cell, final, np.array(x), loss, nothing, metric, nothing)


PLAN = RunPlan(horizon=100, global_batch_size=1, points=10)


@pytest.fixture
def group(tmp_path: Path) -> Group:
    (found,) = read_groups(write_folder(tmp_path, *small_sweep()))
    return found


def test_rows_with_a_loss_are_steps_and_others_are_silent() -> None:
    run = recorded(
        [0, 10, 20, 30], column(2.0, None, math.nan, None), column(None, 1.0, None, None)
    )
    marks = list(RecordedCurve(run, PLAN).marks())
    assert [type(mark) for mark in marks] == [StepRecord, Silence, StepRecord, Silence]
    assert [(mark.step, mark.samples_seen) for mark in marks] == [(1, 0), (1, 10), (2, 20), (2, 30)]
    step = marks[2]
    assert isinstance(step, StepRecord)
    assert math.isnan(step.loss)
    assert step.grad_norm is None
    assert math.isnan(step.learning_rate)


def test_a_row_with_a_norm_alone_is_a_step_whose_loss_is_not_known() -> None:
    nothing = column(None, None, None)
    norms, losses = column(3.0, 4.0, 5.0), column(None, 2.0, None)
    run = Run({"config_id": "a"}, 0.5, np.array([10, 20, 30]), losses, norms, nothing, nothing)
    marks = list(RecordedCurve(run, PLAN).marks())
    assert [type(mark) for mark in marks] == [LossUnknown, StepRecord, LossUnknown]
    assert [mark.grad_norm for mark in marks if isinstance(mark, StepRecord)] == [3.0, 4.0, 5.0]


def test_a_run_ends_with_the_row_that_reaches_the_horizon() -> None:
    run = recorded([50, 90, 120], column(1.0, 1.0, 1.0), column(None, None, None))
    assert [run.length(horizon) for horizon in (50, 60, 100, 120, 500)] == [50, 90, 120, 120, 120]


def test_rows_past_the_horizon_are_left_out() -> None:
    run = recorded([50, 120, 130], column(1.0, 1.0, 1.0), column(None, None, 0.25))
    assert [mark.samples_seen for mark in RecordedCurve(run, PLAN).marks()] == [50, 120]
    assert RecordedCurve(run, PLAN).evaluate(120) == {"final_metric": 0.5}


def test_an_evaluation_counts_while_it_is_fresh() -> None:
    run = recorded([0, 15, 24, 25, 60], column(*[1.0] * 5), column(None, 0.9, None, None, None))
    curve = RecordedCurve(run, PLAN)
    assert curve.evaluate(14) == {}
    assert curve.evaluate(15) == {"eval_metric": 0.9}
    assert curve.evaluate(24) == {"eval_metric": 0.9}
    assert curve.evaluate(25) == {}
    # At the end of the run what it is does not age.
    assert curve.evaluate(60) == {"eval_metric": 0.9, "final_metric": 0.5}


def test_the_rate_is_the_row_s_else_the_trial_s() -> None:
    run = recorded([1, 2], column(1.0, 1.0), column(None, None), learning_rate=0.1)
    rates = [m.learning_rate for m in RecordedCurve(run, PLAN).marks() if isinstance(m, StepRecord)]
    assert rates == [0.1, 0.1]


def test_a_group_is_a_sweep_that_passes_the_checks(group: Group) -> None:
    spec = group.spec(5, pruning={"type": "median"})
    check(spec)
    assert spec.spec.horizon.samples == group.horizon == 400
    assert spec.spec.metric == Metric(name="eval_metric", goal="minimize")
    assert [row["config_id"] for row in spec.spec.parameters.paired] == [
        run.params["config_id"] for run in group.runs
    ]


def test_a_group_without_a_metric_is_judged_by_its_loss(tmp_path: Path) -> None:
    runs, finals = small_sweep()
    for row in runs:
        del row["eval_metric"]
    (group,) = read_groups(write_folder(tmp_path, runs, finals))
    assert group.spec().spec.metric.name == "loss"
    assert group.watch is None


def test_a_sweep_may_be_judged_by_its_final_and_watch_the_metric(group: Group) -> None:
    found = dataclasses.replace(group, higher_is_better=True)
    spec = found.spec(5, by_final=True, pruning={"type": "never"})
    assert spec.spec.metric == Metric(name="final_metric", goal="maximize")
    assert found.watch == {"name": "eval_metric", "goal": "minimize"}
    simulation = simulate(spec, group, slots=2)
    told = {name for r in simulation.story.trials[0].reports.values() for name in r.metrics}
    assert told == {"eval_metric", "final_metric"}
    early = [r.metrics for k, r in simulation.story.trials[0].reports.items() if k < 5]
    assert all("final_metric" not in metrics for metrics in early)


def test_trials_may_come_in_another_order(group: Group) -> None:
    rows = [run.params for run in reversed(group.runs)]
    assert group.spec(5, rows=rows).spec.parameters.paired == rows


def test_the_whole_sweep_runs_as_it_was_recorded(group: Group) -> None:
    simulation = simulate(group.spec(5, pruning={"type": "never"}), group, slots=2)
    by_config = {
        str(record.trial.params["config_id"]): record for record in simulation.story.trials.values()
    }
    assert {config: record.state for config, record in by_config.items()} == {
        str(run.params["config_id"]): "STOPPED" if run.final is not None and math.isnan(run.final)
        else "STOPPED" if run.params["config_id"] == "lr=0.01429"
        else "DONE"
        for run in group.runs
    }  # fmt: skip
    early = by_config["lr=0.05"]
    assert list(early.reports) == [1, 2, 3, 5]
    assert early.reports[5].samples == 300
    assert simulation.result.best is not None
    assert simulation.result.best.params["config_id"] == "lr=0.1"
    final = early.reports[5].metrics["final_metric"]
    assert final == next(run.final for run in group.runs if run.params["config_id"] == "lr=0.05")


def test_ranked_puts_what_has_no_final_last(group: Group) -> None:
    order = [run.params["config_id"] for run in group.ranked()]
    assert order[0] == "lr=0.1"
    assert order[-1] == "lr=0.025"


def test_an_unknown_trial_has_no_curve(group: Group) -> None:
    trial = Trial(0, {"config_id": "nobody"})
    with pytest.raises(CurvesError, match="no run of nobody"):
        group.of(trial, run_plan(trial.params, 400, 5))


def test_an_axis_in_parts_of_epochs_becomes_whole() -> None:
    assert whole(np.array([1.0, 2.0]))[0].tolist() == [1, 2]
    ints, factor = whole(np.array([0.25, 1.0]))
    assert (ints.tolist(), factor) == ([250, 1000], 1000)
