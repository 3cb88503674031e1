from __future__ import annotations

from pathlib import Path

from flat_sweeps import flat_group

from sweeps.backtest.engine import Policy, Settings, run, sweep
from sweeps.backtest.variants import reversed_target, without
from sweeps.simulator.recorded import Group
from sweeps.simulator.told import Teller
from sweeps.trial import Report


def reports(group: Group) -> list[Report]:
    driven = sweep(Teller(group), Policy(), Settings(points=5))
    return list(driven.story.trials[0].reports.values())


def test_what_is_dropped_is_nowhere_reported(tmp_path: Path) -> None:
    group = flat_group(tmp_path, [0.0, 1.0, 2.0, 3.0])
    for report in reports(group):
        assert report.window.loss is not None
        assert report.window.grad_norm is not None
        assert "eval_metric" in report.metrics
    for report in reports(without(group, ("metric",))):
        assert "eval_metric" not in report.metrics
        assert report.window.loss is not None
    for report in reports(without(group, ("grad_norm",))):
        assert report.window.grad_norm is None
        assert report.window.loss is not None
    for report in reports(without(group, ("loss", "metric"))):
        assert report.window.loss is None
        assert report.window.grad_norm is not None
        assert report.window.grad_norm.value == 1
    assert reports(group)[0].window.loss is not None


def test_with_every_signal_dropped_the_sweep_still_ends(tmp_path: Path) -> None:
    group = without(flat_group(tmp_path, [0.0, 1.0, 2.0]), ("metric", "loss", "grad_norm"))
    assert group.watch is None
    (outcome,) = run([group], Policy(), Settings(orders=1))
    assert (outcome.compute, outcome.regret) == (1, 0)


def test_a_reversed_target_has_its_worst_for_best(tmp_path: Path) -> None:
    group = reversed_target(flat_group(tmp_path, [float(n) for n in range(8)]))
    assert group.higher_is_better
    assert group.watch == {"name": "eval_metric", "goal": "minimize"}
    outcomes = run([group], Policy(pruning={"type": "halving"}), Settings(slots=8, orders=3))
    assert all(outcome.regret == 1 for outcome in outcomes)
    assert all(outcome.best_kept for outcome in run([group], Policy(), Settings()))
