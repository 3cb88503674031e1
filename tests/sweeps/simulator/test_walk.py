from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path

from curve_stories import MadeCurve, ordered
from recipe_support import make_run, timeless
from stories import BATCH, HORIZON, POINTS, make_step

from sweeps.points import run_plan
from sweeps.simulator.curves import LossUnknown, Mark, Silence
from sweeps.simulator.walk import Walk
from sweeps.spec import Evaluation
from sweeps.trial import Report

PLAN = run_plan({"global_batch_size": BATCH}, HORIZON, POINTS)


class Given:
    """A curve of these marks; every evaluation measures 7."""

    def __init__(self, *marks: Mark) -> None:
        self._marks = marks

    def marks(self) -> Iterator[Mark]:
        return iter(self._marks)

    def evaluate(self, samples_seen: int) -> Mapping[str, float]:
        return {"eval_loss": 7.0}


def reports(walk: Walk) -> list[Report]:
    return list(iter(walk.next_report, None))


def test_it_reports_what_a_worker_would(tmp_path: Path) -> None:
    """The same steps through the live context: equal reports, but for the clock and the device."""
    curve = MadeCurve(ordered, 1, HORIZON // BATCH)
    run = make_run(
        tmp_path,
        params={"global_batch_size": BATCH},
        horizon=HORIZON,
        points=POINTS,
        evaluation=Evaluation(every_points=3),
    )
    run.context.register_state(lambda folder: None, lambda folder: None)
    for mark in curve.marks():
        assert not isinstance(mark, Silence)
        run.context.step(
            samples=BATCH,
            tokens=mark.tokens,
            loss=mark.loss,
            grad_norm=mark.grad_norm,
            learning_rate=mark.learning_rate,
            evaluate=lambda at=mark.samples_seen: curve.evaluate(at),
        )
    live = [timeless(report) for report in run.link.reports]
    assert reports(Walk(curve, PLAN, 3)) == live
    assert len(live) == POINTS


def test_a_guard_ends_the_window_at_once() -> None:
    curve = MadeCurve(lambda number, step: math.nan if step == 14 else 1.0, 0, 100)
    walk = Walk(curve, PLAN, 1)
    first, second = walk.next_report(), walk.next_report()
    assert first is not None
    assert second is not None
    assert (first.point, first.guard) == (1, None)
    assert (second.point, second.guard, second.samples) == (2, "non_finite_loss", 140)
    assert second.metrics == {}


def test_a_run_that_ends_early_has_come_to_its_last_point() -> None:
    found = reports(Walk(MadeCurve(ordered, 0, 25), PLAN, 1))
    assert [(r.point, r.samples) for r in found] == [(1, 100), (2, 200), (POINTS, 250)]


def test_where_nothing_was_measured_there_is_no_signal() -> None:
    curve = Given(make_step(10), Silence(1, 210), Silence(1, 250), make_step(40), Silence(2, 990))
    found = reports(Walk(curve, PLAN, 1))
    assert [r.point for r in found] == [1, 2, 4, POINTS]
    assert [r.window.loss is None for r in found] == [False, True, False, True]
    assert found[1].metrics == {"eval_loss": 7.0}
    assert [r.window.grad_norm is None for r in found] == [False, True, False, True]


def test_a_step_whose_loss_is_not_known_counts_for_the_norm_alone() -> None:
    told = [make_step(step, float(step)) for step in (1, 2, 3)]
    unknown = [
        LossUnknown(step, step * BATCH, 0, 99.0, 10.0 * step, 0.1) for step in (4, 5, 11, 12)
    ]
    walk = Walk(Given(*told, *unknown), run_plan({"global_batch_size": BATCH}, 10 * BATCH, 2), 1)
    first, second = reports(walk)
    assert first.window.loss is not None
    assert (first.window.loss.value, first.window.loss.max, first.window.steps) == (2, 3, 5)
    assert first.window.grad_norm is not None
    assert (first.window.grad_norm.last, first.window.grad_norm.max) == (50, 50)
    assert second.window.loss is None
    assert second.window.grad_norm is not None
