from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeps.points import RunPlan, Stage, crossed_evaluation, evaluated, run_plan, warmup_steps
from sweeps.trial import Params

plans = st.builds(
    RunPlan,
    horizon=st.integers(1, 5000),
    global_batch_size=st.integers(1, 600),
    points=st.integers(1, 60),
    warmup_steps=st.integers(0, 50),
)


def walked(plan: RunPlan) -> list[tuple[int, int]]:
    """(point, samples) of every report, found by walking the run step by step."""
    found, last = [], 0
    for step in range(1, plan.steps + 1):
        samples = step * plan.global_batch_size
        point = plan.point_at(samples)
        if point > last:
            found.append((point, samples))
            last = point
    return found


@given(plans)
def test_steps_are_the_fewest_that_reach_the_horizon(plan: RunPlan) -> None:
    assert plan.steps == math.ceil(plan.horizon / plan.global_batch_size)
    assert (plan.steps - 1) * plan.global_batch_size < plan.horizon
    assert plan.steps * plan.global_batch_size >= plan.horizon


@given(plans)
def test_every_point_is_reported_at_most_once_and_the_last_always(plan: RunPlan) -> None:
    points = [point for point, _ in walked(plan)]
    assert points == sorted(set(points))
    assert points[-1] == plan.points
    assert all(1 <= point <= plan.points for point in points)


@given(plans)
def test_the_formula_agrees_with_walking(plan: RunPlan) -> None:
    assert plan.reported_points() == [point for point, _ in walked(plan)]
    assert [plan.samples_at(point) for point, _ in walked(plan)] == [s for _, s in walked(plan)]


@given(plans)
def test_a_point_is_reported_after_the_first_step_that_reaches_it(plan: RunPlan) -> None:
    for point, samples in walked(plan):
        assert samples * plan.points >= point * plan.horizon
        before = samples - plan.global_batch_size
        assert before * plan.points < point * plan.horizon
        # A step that crosses several points reports the last of them.
        assert point == plan.points or samples * plan.points < (point + 1) * plan.horizon


@given(plans)
def test_past_warmup_means_that_the_window_saw_a_step_after_it(plan: RunPlan) -> None:
    for point, samples in walked(plan):
        assert plan.past_warmup(point) == (samples // plan.global_batch_size > plan.warmup_steps)


@given(plans, st.integers(1, 70))
def test_the_first_report_from_a_mark_on_is_the_first_one_walked_past_warmup(
    plan: RunPlan, mark: int
) -> None:
    fit = [k for k, _ in walked(plan) if k >= mark and plan.past_warmup(k)]
    assert plan.first_report(mark) == (fit[0] if fit else None)


def test_one_large_batch_crosses_several_points() -> None:
    plan = RunPlan(horizon=100, global_batch_size=34, points=10)
    assert walked(plan) == [(3, 34), (6, 68), (10, 102)]


def test_a_horizon_below_one_batch_is_one_step() -> None:
    plan = RunPlan(horizon=5, global_batch_size=64, points=20)
    assert plan.steps == 1
    assert walked(plan) == [(20, 64)]


@pytest.mark.parametrize(
    ("point", "every", "points", "due"),
    [(5, 5, 20, True), (4, 5, 20, False), (20, 7, 20, True), (1, 1, 1, True), (3, 50, 20, False)],
)
def test_evaluated(point: int, every: int, points: int, due: bool) -> None:
    assert evaluated(point, every, points) is due


@given(plans, st.integers(1, 70))
def test_no_due_evaluation_is_lost_between_points(plan: RunPlan, every: int) -> None:
    last, due = 0, set[int]()
    for point, _ in walked(plan):
        wanted = any(evaluated(k, every, plan.points) for k in range(last + 1, point + 1))
        assert crossed_evaluation(last, point, every, plan.points) == wanted
        due |= {point} if wanted else set()
        last = point
    assert plan.points in due


@pytest.mark.parametrize(
    ("params", "steps", "warmup"),
    [
        ({}, 100, 0),
        ({"warmup_steps": 25}, 100, 25),
        ({"warmup_ratio": 0.03}, 100, 3),
        ({"warmup_ratio": 0.03}, 101, 4),
        ({"warmup_ratio": 0.0}, 100, 0),
        ({"warmup_ratio": 0.1}, 10, 1),
    ],
)
def test_warmup(params: dict[str, float], steps: int, warmup: int) -> None:
    assert warmup_steps(dict(params), steps) == warmup


def test_run_plan_reads_the_parameters() -> None:
    run = run_plan({"global_batch_size": 8, "warmup_ratio": 0.1}, 1000, 10)
    assert (run.steps, run.warmup_steps, run.warmup_samples) == (125, 13, 104)
    assert run_plan({}, 7, 2).steps == 7


@st.composite
def phased_plans(draw: st.DrawFn) -> RunPlan:
    stages = draw(
        st.lists(
            st.builds(
                Stage,
                samples=st.integers(1, 2000),
                global_batch_size=st.none() | st.integers(1, 300),
                warmup_steps=st.none() | st.integers(0, 5),
            ),
            min_size=1,
            max_size=4,
        )
    )
    params: Params = {"global_batch_size": draw(st.integers(1, 300))}
    horizon = sum(stage.samples for stage in stages)
    return run_plan(params, horizon, draw(st.integers(1, 30)), stages)


@given(phased_plans())
def test_phases_follow_each_other_without_gap_and_reach_the_horizon(plan: RunPlan) -> None:
    seen = steps = 0
    for number, phase in enumerate(plan.phases, 1):
        assert (phase.number, phase.start, phase.first_step) == (number, seen, steps)
        seen, steps = phase.end, phase.last_step
    last = max((p for p in plan.phases if p.steps), key=lambda phase: phase.number)
    assert plan.horizon <= plan.samples < plan.horizon + last.global_batch_size
    assert (plan.steps, plan.samples) == (steps, seen)


@given(phased_plans())
def test_points_of_a_phased_run_are_those_that_walking_finds(plan: RunPlan) -> None:
    found, last, seen = [], 0, 0
    for step in range(plan.steps):
        seen += plan.phase_of(step).global_batch_size
        assert plan.samples_after(step + 1) == seen
        assert plan.step_at(seen) == step + 1
        assert plan.phase_at(seen) == plan.phase_of(step)
        if (point := plan.point_at(seen)) > last:
            found.append((point, seen))
            last = point
    assert plan.reported_points() == [point for point, _ in found]
    assert [plan.samples_at(point) for point, _ in found] == [samples for _, samples in found]


def test_each_phase_has_its_own_warmup() -> None:
    stages = (Stage(100, warmup_steps=3), Stage(100, 20, warmup_steps=2))
    plan = run_plan({"global_batch_size": 10}, 200, 20, stages)
    assert [point for point in range(1, 21) if not plan.past_warmup(point)] == [
        1, 2, 3, 11, 12, 13, 14
    ]  # fmt: skip
    assert plan.first_report(1) == 4
    assert plan.first_report(11) == 16


def test_a_parameter_of_one_phase_goes_before_its_block_and_that_before_the_trial() -> None:
    params: Params = {"global_batch_size": 10, "learning_rate": 1.0, "warmup_ratio": 0.1}
    params |= {"phase2_learning_rate": 3.0, "phase3_replay": 0.5, "phase3_global_batch_size": 25}
    stages = (Stage(100), Stage(100, 20, 2.0), Stage(100, 50, 2.0, 1, 0.25))
    phases = run_plan(params, 300, 3, stages).phases
    assert [phase.global_batch_size for phase in phases] == [10, 20, 25]
    assert [phase.learning_rate for phase in phases] == [1.0, 3.0, 2.0]
    assert [phase.replay for phase in phases] == [0.0, 0.0, 0.5]
    assert [phase.warmup_steps for phase in phases] == [1, 1, 1]
    stacked = run_plan({**params, "strategy": "stacked"}, 300, 3, stages)
    assert stacked == run_plan({"global_batch_size": 10, "warmup_ratio": 0.1}, 300, 3)
