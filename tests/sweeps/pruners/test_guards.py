from __future__ import annotations

import math
from typing import Any

import pytest
from stories import make_report, make_step

from sweeps.points import RunPlan, Stage, run_plan
from sweeps.pruners.guards import judge, step_guard
from sweeps.trial import Action, Report, Verdict

PLAN = RunPlan(horizon=1000, global_batch_size=10, points=10)
WARM = RunPlan(horizon=1000, global_batch_size=10, points=10, warmup_steps=35)
RATE = {"learning_rate": 0.1}


def last(reports: list[Report], plan: RunPlan = PLAN, **params: Any) -> Verdict | None:
    """The verdict on the last of some reports."""
    before = {report.point: report for report in reports[:-1]}
    return judge({**RATE, **params}, before, reports[-1], plan)


def flat(point: int, loss: float, **changes: Any) -> Report:
    return make_report(point, losses=(loss, loss, loss), norms=(1.0, 1.0, 1.0), **changes)


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({}, None),
        ({"loss": math.nan}, "non_finite_loss"),
        ({"loss": math.inf}, "non_finite_loss"),
        ({"loss": -math.inf}, "non_finite_loss"),
        ({"norm": math.nan}, "non_finite_grad_norm"),
        ({"norm": math.inf}, "non_finite_grad_norm"),
        ({"norm": None}, None),
        ({"norm": 0.0}, None),
        ({"norm": 1e9}, None),
        ({"loss": 0.0, "norm": 0.0}, "zero_loss"),
        ({"loss": 0.0, "norm": None}, "zero_loss"),
        ({"loss": 0.0, "norm": 0.0, "label_tokens": 5}, "zero_loss"),
        ({"loss": 0.0, "norm": 0.0, "label_tokens": 0}, None),
        ({"loss": 0.0, "norm": 1e-9, "label_tokens": 5}, None),
        ({"loss": 0.0, "norm": math.nan}, "non_finite_grad_norm"),
        ({"loss": 1e-12}, None),
        ({"loss": 1e9}, None),
    ],
)
def test_step_guards(changes: dict[str, Any], name: str | None) -> None:
    assert step_guard(make_step(**changes)) == name


@pytest.mark.parametrize(
    ("guard", "signal", "said"),
    [
        ("non_finite_loss", "loss", "not a finite number at step 10 (100 samples)"),
        ("non_finite_grad_norm", "grad_norm", "gradient norm is not a finite number"),
        ("zero_loss", "loss", "exactly 0.0"),
        ("brand_new", "brand_new", "guard brand_new tripped"),
    ],
)
def test_a_tripped_guard_stops_at_once_even_in_warmup(guard: str, signal: str, said: str) -> None:
    verdict = last([make_report(1, guard=guard)], WARM)
    assert verdict is not None
    assert (verdict.action, verdict.reason) == (Action.STOP, guard)
    assert verdict.evidence.signal == signal
    assert said in verdict.message


def test_a_healthy_run_is_left_alone() -> None:
    assert last([flat(point, 3.0 - point / 10) for point in range(1, 11)]) is None


def test_a_loss_that_has_not_moved_is_no_guard() -> None:
    assert last([flat(point, 9.0) for point in range(1, 11)]) is None


def test_three_points_well_above_the_start_are_divergence() -> None:
    rising = [flat(1, 2.0), *[flat(point, 3.5) for point in (2, 3)]]
    assert last(rising) is None
    verdict = last([*rising, flat(4, 3.6)])
    assert verdict is not None
    assert verdict.reason == "diverged"
    assert verdict.evidence.value == 3.6
    assert verdict.evidence.cutoff == 3.0
    assert "3.6" in verdict.message
    assert "began at 2" in verdict.message


def test_one_point_back_below_the_bound_resets_it() -> None:
    points = [flat(1, 2.0), flat(2, 3.5), flat(3, 2.9), flat(4, 3.5), flat(5, 3.5)]
    assert last(points) is None


def test_a_noisy_start_raises_the_bound() -> None:
    noisy = make_report(1, losses=(1.0, 2.0, 3.0), norms=(1.0, 1.0, 1.0))
    assert last([noisy, *[flat(point, 7.9) for point in (2, 3, 4)]]) is None
    assert last([noisy, *[flat(point, 8.1) for point in (2, 3, 4)]]) is not None


def test_points_inside_warmup_do_not_count_towards_divergence() -> None:
    """Warmup ends within point 4, so 4 and 5 are two points past it."""
    rising = [flat(1, 2.0), *[flat(point, 9.0) for point in (2, 3, 4, 5)]]
    assert last(rising, WARM) is None
    assert last([*rising, flat(6, 9.0)], WARM) is not None


def test_a_missing_signal_is_no_verdict() -> None:
    bare = [make_report(point, norms=(None, None)) for point in range(1, 6)]
    assert last(bare) is None


def test_a_gradient_of_zero_is_dead() -> None:
    dead = make_report(2, norms=(0.0, 0.0))
    verdict = last([make_report(1), dead])
    assert verdict is not None
    assert verdict.reason == "dead"
    assert verdict.evidence.signal == "grad_norm"
    assert "The gradient norm was 0 in the 2 steps up to step 20" in verdict.message
    assert last([make_report(1), make_report(2, norms=(0.0, 1e-9))]) is None


def test_no_changed_parameter_is_dead() -> None:
    verdict = last([make_report(1), make_report(2, changed=False)])
    assert verdict is not None
    assert (verdict.reason, verdict.evidence.signal) == ("dead", "changed_steps")


def test_dead_needs_a_positive_rate_and_the_end_of_warmup() -> None:
    assert last([make_report(2, norms=(0.0, 0.0), learning_rate=0.0)]) is None
    assert last([make_report(2, norms=(0.0, 0.0))], WARM) is None
    assert last([make_report(5, norms=(0.0, 0.0))], WARM) is not None


def test_windows_of_one_step_need_two_of_them() -> None:
    lone = make_report(2, losses=(1.0,), norms=(0.0,))
    again = make_report(3, losses=(1.0,), norms=(0.0,))
    assert last([lone]) is None
    assert last([make_report(1, losses=(1.0,), norms=(1.0,)), lone]) is None
    assert last([lone, again]) is not None


def test_an_untrained_control_is_dead() -> None:
    verdict = last([make_report(1, learning_rate=0.0)], learning_rate=0)
    assert verdict is not None
    assert (verdict.reason, verdict.evidence.signal) == ("dead", "learning_rate")
    assert last([make_report(1)], learning_rate=1e-12) is None


def test_a_repeated_report_changes_nothing() -> None:
    reports = [flat(1, 2.0), *[flat(point, 3.5) for point in (2, 3, 4)]]
    known = {report.point: report for report in reports}
    assert judge(dict(RATE), known, reports[-1], PLAN) == last(reports)


def test_a_phase_on_other_data_begins_where_its_loss_begins() -> None:
    """A loss that is higher there is no divergence; one that climbs from there on is."""
    plan = run_plan({"global_batch_size": 10}, 1000, 10, (Stage(350), Stage(650)))
    steady = [flat(point, 1.0) for point in (1, 2, 3)] + [flat(p, 5.0) for p in range(4, 11)]
    assert all(last(steady[:upto], plan) is None for upto in range(1, 11))
    # Point 4 has seen both phases: the first of its own is point 5.
    climbing = [*steady[:5], *[flat(point, 7.0) for point in (6, 7, 8)]]
    assert last(climbing[:7], plan) is None
    found = last(climbing, plan)
    assert found is not None
    assert found.reason == "diverged"
