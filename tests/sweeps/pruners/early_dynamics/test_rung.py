from __future__ import annotations

import math
from typing import Any

import pytest
from stories import make_report, make_spec

from sweeps.points import RunPlan
from sweeps.pruners.early_dynamics.rung import first_mark, mark_of, rung_point, signal_costs


@pytest.mark.parametrize(
    ("points", "every", "mark"),
    [(20, 1, 1), (20, 5, 5), (20, 6, 1), (100, 1, 5), (100, 10, 10), (5, 1, 1), (10, 2, 2)],
)
def test_the_first_rung_waits_for_the_metric_within_a_quarter(
    points: int, every: int, mark: int
) -> None:
    assert first_mark(points, every) == mark


def test_a_metric_of_the_windows_needs_no_waiting() -> None:
    spec = make_spec(
        metric={"name": "loss", "goal": "minimize"},
        evaluation={"every_points": 5},
        report={"points": 20},
    )
    assert mark_of(spec) == 1


def test_nothing_counts_before_warmup_ends_nor_at_the_end_nor_by_a_guard() -> None:
    reports = {point: make_report(point, 1.0) for point in range(1, 11)}
    assert rung_point(reports, RunPlan(1000, 10, 10), 1) == 1
    assert rung_point(reports, RunPlan(1000, 10, 10, warmup_steps=35), 1) == 4
    assert rung_point({10: reports[10]}, RunPlan(1000, 10, 10), 1) is None
    assert rung_point({2: make_report(2, guard="zero_loss")}, RunPlan(1000, 10, 10), 1) is None


def test_less_is_better_in_every_cost() -> None:
    report = make_report(1, 0.25, losses=(2.0, 4.0), norms=(5.0, 5.0))
    assert signal_costs(report, "metric", "eval_loss", False) == 0.25
    assert signal_costs(report, "metric", "eval_loss", True) == -0.25
    assert signal_costs(report, "loss", None, False) == 3.0
    assert signal_costs(report, "grad_norm", None, False) == 5.0


def test_a_corrected_norm_is_not_used() -> None:
    report = make_report(1, norms=(5.0, 5.0))
    changed = report.window.model_copy(update={"true_grad_norm": 2.0})
    corrected = report.model_copy(update={"window": changed})
    assert signal_costs(corrected, "grad_norm", None, False) == 5.0


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
def test_what_is_measured_and_not_finite_never_wins(broken: float) -> None:
    fields: dict[str, Any] = {"metrics": {"eval_loss": broken}}
    assert signal_costs(make_report(1, **fields), "metric", "eval_loss", True) == math.inf


def test_what_is_not_measured_is_missing() -> None:
    report = make_report(1, norms=(None, None))
    assert math.isnan(signal_costs(report, "metric", "eval_loss", False))
    assert math.isnan(signal_costs(report, "metric", None, False))
    assert math.isnan(signal_costs(report, "grad_norm", None, False))
