from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from sweeps.points import RunPlan, run_plan
from sweeps.pruners.guards import step_guard
from sweeps.simulator.simulate import simulate
from sweeps.simulator.synthetic import Synthetic, schedule
from sweeps.simulator.walk import Walk
from sweeps.spec import Metric, SweepSpec, parse
from sweeps.trial import Params, Report, StepRecord, Trial

LOSS = Metric(name="eval_loss", goal="minimize")
HORIZON, POINTS = 64_000, 20


def reports(toy: Synthetic, **params: float | str) -> list[Report]:
    cell: Params = {"global_batch_size": 128, "learning_rate": 2e-5, **params}
    plan = run_plan(cell, HORIZON, POINTS)
    return list(iter(Walk(toy.of(Trial(0, cell), plan), plan, 1).next_report, None))


def final(toy: Synthetic, **params: float | str) -> float:
    return reports(toy, **params)[-1].metrics["eval_loss"]


def losses(found: list[Report]) -> list[float]:
    return [report.window.loss.value for report in found if report.window.loss is not None]


def norm(report: Report) -> float:
    assert report.window.grad_norm is not None
    return report.window.grad_norm.value


def test_every_point_is_reported_where_a_worker_would() -> None:
    found = reports(Synthetic(LOSS))
    assert [report.point for report in found] == list(range(1, POINTS + 1))
    plan = run_plan({"global_batch_size": 128}, HORIZON, POINTS)
    assert [report.samples for report in found] == [
        plan.samples_at(k) for k in range(1, POINTS + 1)
    ]
    assert max(report.window.steps for report in found) == Synthetic(LOSS).records


def test_the_best_rate_is_best_and_a_rate_of_zero_learns_nothing() -> None:
    toy = Synthetic(LOSS, noise=0.0)
    assert final(toy) < final(toy, learning_rate=2e-7)
    assert final(toy) < final(toy, learning_rate=3e-4)
    flat = losses(reports(toy, learning_rate=0.0))
    assert flat == pytest.approx([3.0] * POINTS)


def test_a_falling_schedule_settles_lower() -> None:
    toy = Synthetic(LOSS, noise=0.0)
    high = {"learning_rate": 6e-5}
    assert final(toy, lr_scheduler_type="cosine", **high) < final(toy, **high)


def test_too_high_a_rate_climbs_until_the_guards_end_it() -> None:
    found = losses(reports(Synthetic(LOSS, noise=0.0), learning_rate=1e-3))
    assert all(before < after for before, after in pairwise(found))
    assert found[-1] > found[0] + 3


def test_a_larger_batch_lowers_the_norm_by_itself() -> None:
    toy = Synthetic(LOSS, noise=0.0)
    small, large = reports(toy, global_batch_size=32)[0], reports(toy, global_batch_size=3200)[0]
    assert norm(large) < norm(small)


def test_the_same_trial_runs_alike_and_another_seed_does_not() -> None:
    assert losses(reports(Synthetic(LOSS))) == losses(reports(Synthetic(LOSS)))
    assert losses(reports(Synthetic(LOSS))) != losses(reports(Synthetic(LOSS, seed=1)))
    assert losses(reports(Synthetic(LOSS))) != losses(reports(Synthetic(LOSS), seed=3))


def test_a_share_spikes_and_a_share_breaks() -> None:
    cell: Params = {"global_batch_size": 128, "learning_rate": 2e-5}
    plan = run_plan(cell, HORIZON, POINTS)
    toy = Synthetic(LOSS, spiked=1.0, broken=1.0, records=10_000)
    steps = [m for m in toy.of(Trial(0, cell), plan).marks() if isinstance(m, StepRecord)]
    assert len(steps) == plan.steps
    norms = [step.grad_norm or 0.0 for step in steps]
    assert sum(value > 1000 for value in norms) == 1
    broken = [step.step for step in steps if step_guard(step) == "non_finite_loss"]
    assert broken == list(range(plan.steps // 2 + 1, plan.steps + 1))


def test_a_score_is_better_when_higher() -> None:
    toy = Synthetic(Metric(name="eval_score", goal="maximize"), noise=0.0)
    scores = [report.metrics["eval_score"] for report in reports(toy)]
    assert all(before < after for before, after in pairwise(scores))
    assert 0 < scores[0] < scores[-1] < 1


@pytest.mark.parametrize(
    ("kind", "first", "middle", "last"),
    [
        ("constant", 1.0, 1.0, 1.0),
        ("linear", 1.0, 0.5, 0.01),
        ("cosine", 1.0, 0.5, 0.000247),
        ("warmup_stable_decay", 1.0, 1.0, 0.1),
    ],
)
def test_schedules_have_their_shapes(kind: str, first: float, middle: float, last: float) -> None:
    plan = RunPlan(100, 1, 10)
    found = schedule({"lr_scheduler_type": kind}, plan)
    assert [found[0], found[50], found[99]] == pytest.approx([first, middle, last], rel=1e-2)
    warmed = schedule({"lr_scheduler_type": kind}, RunPlan(100, 1, 10, warmup_steps=10))
    assert warmed[:10] == pytest.approx(np.arange(10) / 10)
    assert warmed[10] == pytest.approx(1.0)


def random_sweep(pruner: str, trials: int = 200) -> SweepSpec:
    rates = {"distribution": "log_uniform_values", "min": 1e-6, "max": 1e-3}
    body = {
        "workload": {"recipe": "toy"},
        "parameters": {"global_batch_size": {"value": 128}, "learning_rate": rates},
        "method": {"type": "random"},
        "metric": LOSS.model_dump(),
        "horizon": {"samples": 100_000},
        "report": {"points": POINTS},
        "evaluation": {"every_points": 1},
        "pruning": {"type": pruner},
        "budget": {"trials": trials},
    }
    head = {"apiVersion": "sweeps/v1", "kind": "Sweep", "metadata": {"name": "random"}}
    return parse({**head, "spec": body})


@pytest.mark.parametrize("pruner", ["never", "median"])
def test_two_hundred_trials_end_and_what_is_broken_does_not_win(pruner: str) -> None:
    toy = Synthetic(LOSS, spiked=0.2, broken=0.05)
    simulation = simulate(random_sweep(pruner), toy, slots=8)
    assert len(simulation.story.trials) == 200
    assert simulation.result.best is not None
    assert 5e-6 < float(simulation.result.best.params["learning_rate"]) < 2e-4
    reasons = {stop.reason for stop in simulation.result.stopped}
    assert pruner != "never" or reasons == {"non_finite_loss", "diverged"}
    assert math.isfinite(simulation.seconds)
