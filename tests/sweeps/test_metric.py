from __future__ import annotations

import math
from typing import Any

import pytest
from stories import make_report, make_spec

from sweeps.metric import best, best_so_far, cost, final, ranked_by, unseen_half, value_at
from sweeps.spec import Metric, SweepSpec
from sweeps.trial import Trial, TrialRecord

DOWN = Metric(name="eval_loss", goal="minimize")
UP = Metric(name="eval_loss", goal="maximize")


def record(**points: float | None) -> TrialRecord:
    made = TrialRecord(Trial(0, {}), "RUNNING")
    for key, value in points.items():
        point = int(key.removeprefix("p"))
        made.reports[point] = make_report(point, value)
    return made


def same(found: float | None, wanted: float | None) -> bool:
    if found is None or wanted is None:
        return found is wanted
    return found == wanted or (math.isnan(found) and math.isnan(wanted))


def test_a_metric_is_the_evaluations_or_the_windows() -> None:
    report = make_report(1, 2.5, losses=(1.0, 3.0), norms=(5.0, 7.0))
    assert value_at(report, "eval_loss") == 2.5
    assert value_at(report, "loss") == 2.0
    assert value_at(report, "grad_norm") == 6.0
    assert value_at(report, "eval_exact_match") is None
    assert value_at(make_report(1, metrics={"loss": 9.0}), "loss") == 9.0
    assert value_at(make_report(1, norms=(None, None)), "grad_norm") is None


@pytest.mark.parametrize(
    ("values", "down", "up"),
    [
        ([3.0, 1.0, 2.0], 1.0, 3.0),
        ([None, 2.0, None], 2.0, 2.0),
        ([], None, None),
        ([None], None, None),
        ([math.nan, 2.0], 2.0, 2.0),
        ([math.nan, math.nan], math.nan, math.nan),
        ([math.inf, 2.0, -math.inf], 2.0, 2.0),
        ([math.inf], math.nan, math.nan),
    ],
)
def test_best(values: list[float | None], down: float | None, up: float | None) -> None:
    assert same(best(values, DOWN), down)
    assert same(best(values, UP), up)


def test_cost_is_least_for_the_best_and_infinite_for_what_is_not_finite() -> None:
    assert cost(2.0, DOWN) == 2.0
    assert cost(2.0, UP) == -2.0
    assert {cost(x, goal) for x in (math.nan, math.inf, -math.inf) for goal in (DOWN, UP)} == {
        math.inf
    }


def test_best_so_far_looks_no_further_than_its_point() -> None:
    made = record(p1=3.0, p2=None, p5=1.0)
    assert best_so_far(made, DOWN) == 1.0
    assert best_so_far(made, DOWN, 4) == 3.0
    assert best_so_far(made, DOWN, 0) is None


def test_the_final_is_that_of_the_last_point_and_not_the_best() -> None:
    made = record(p5=1.0, p10=2.0)
    assert final(made, DOWN, 10) == 2.0
    assert final(record(p5=1.0), DOWN, 10) is None
    assert final(record(p10=None), DOWN, 10) is None


def sets(evals: object, unseen: object, **changes: Any) -> SweepSpec:
    data = {"train": "a", "eval": evals, "unseen": unseen}
    return make_spec(workload={"model": {"tiny": "llama"}, "data": data}, **changes)


@pytest.mark.parametrize(
    ("evals", "unseen", "name", "half"),
    [
        ("b", "c", "eval_loss", "unseen_loss"),
        ("b", None, "eval_loss", "eval_loss"),
        ("b", "c", "loss", "loss"),
        ({"kept": "b"}, {"kept": "c"}, "eval_kept_loss", "unseen_kept_loss"),
        ({"kept": "b", "more": "d"}, {"kept": "c"}, "eval_more_loss", "eval_more_loss"),
        # Of names that begin alike the longer one is meant.
        ({"kept": "b", "kept_x": "d"}, {"kept": "c"}, "eval_kept_x_loss", "eval_kept_x_loss"),
        ({"kept": "b", "kept_x": "d"}, {"kept_x": "c"}, "eval_kept_x_loss", "unseen_kept_x_loss"),
        ({"kept": "b"}, "c", "eval_kept_loss", "eval_kept_loss"),
        ("b", {"kept": "c"}, "eval_loss", "eval_loss"),
    ],
)
def test_the_unseen_half_of_a_metric(evals: object, unseen: object, name: str, half: str) -> None:
    assert unseen_half(sets(evals, unseen), name) == half


def test_a_task_of_the_harness_has_no_unseen_half() -> None:
    spec = sets("b", "c", evaluation={"tasks": ["arc_easy"]})
    assert unseen_half(spec, "eval_arc_easy_acc") == "eval_arc_easy_acc"
    assert ranked_by(spec) == Metric(name="unseen_loss", goal="minimize")
