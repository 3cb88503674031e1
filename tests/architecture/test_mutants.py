"""Would the tests notice? Every small change of the purest modules breaks one of their properties.

The properties are written once more here, compactly, against a module that is given.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from fractions import Fraction
from itertools import product
from statistics import median
from typing import Any

import pytest
from mutants import Mutant, mutants

import sweeps.lifecycle
import sweeps.points
import sweeps.windows
from sweeps.errors import IllegalMoveError
from sweeps.trial import StepRecord

# Changes that no behaviour tells apart from the original, and why.
EQUIVALENT: dict[str, str] = {
    "sweeps.points: 1 -> 2 in for point in range(1, self.points + 1) (no. 2)": (
        "point_at stops at points, so no point beyond is ever reported"
    ),
    "sweeps.points: 1 -> 2 in for point in range(mark, self.points + 1)": (
        "point_at stops at points, so no point beyond is ever reported"
    ),
    "sweeps.points: last // every -> last / every in "
    "return point == points or point // every > last // every": (
        "a whole number is above x exactly when it is above the whole part of x"
    ),
    "sweeps.windows: 1 -> 2 in weights = [1] * len(finite)": "weights count by their ratio alone",
    "sweeps.windows: logs > bound -> logs >= bound in return int((logs > bound).sum())": (
        "they differ for a norm exactly at the bound, where rounding decides"
    ),
}


def check_lifecycle(module: Any) -> None:
    """Every pair of states, against the moves written out."""
    tables = {
        (module.SweepState, module.move_sweep): "QR QP QC QF RP RS RD RF PQ PS PC SC SF DQ FQ",
        (module.TrialState, module.move_trial): "pr ps pf rp ra rd rs rf ap ar as fp",
        (module.AttemptState, module.move_attempt): "se",
    }
    short = {
        **dict(zip("QRPSDCF", module.SweepState, strict=True)),
        **dict(zip("pradsf", module.TrialState, strict=True)),
    }
    for (states, move), text in tables.items():
        if states is module.AttemptState:
            short |= dict(zip("se", states, strict=True))
        legal = {(short[a], short[b]) for a, b in text.split()}
        for now, to in product(states, states):
            try:
                moved = move(now, to)
            except IllegalMoveError as error:
                assert (now, to) not in legal, (now, to)
                last = not any(pair[0] is now for pair in legal)
                assert ("nothing, it has ended" in str(error)) == last  # noqa: PT017
            else:
                assert (now, to) in legal, (now, to)
                assert moved is to
    assert {str(state) for state in module.SWEEP_ENDS} == {"DONE", "CANCELLED", "FAILED"}
    assert {str(state) for state in module.TRIAL_ENDS} == {"DONE", "STOPPED", "FAILED"}


def check_points(module: Any) -> None:
    """Small runs walked step by step."""
    runs = product((1, 7, 12, 100), (1, 3, 5, 34), (1, 3, 10), (0, 1, 2, 5))
    for horizon, batch, points, warmup in runs:
        run = module.RunPlan(horizon, batch, points, warmup)
        steps, walked, at = 0, dict[int, int](), 0
        while steps * batch < horizon:
            steps += 1
            marks = [k for k in range(points + 1) if steps * batch >= Fraction(k * horizon, points)]
            if marks[-1] > at:
                at = marks[-1]
                walked[at] = steps
        assert run.steps == steps
        assert run.warmup_samples == warmup * batch
        assert run.reported_points() == list(walked)
        for point, step in walked.items():
            assert run.samples_at(point) == step * batch
            assert run.point_at(step * batch) == point
            assert run.past_warmup(point) == (step > warmup)
        assert run.point_at(0) == 0
        for mark in range(1, points + 2):
            fit = [k for k, step in walked.items() if k >= mark and step > warmup]
            assert run.first_report(mark) == (fit[0] if fit else None)
    assert module.RunPlan(10, 2, 5).warmup_samples == 0
    for every, points, last in product(range(1, 6), range(1, 8), range(8)):
        due = [k for k in range(1, points + 1) if k == points or k % every == 0]
        for point in range(1, points + 1):
            assert module.evaluated(point, every, points) == (point in due)
            if point > last:
                crossed = any(last < k <= point for k in due)
                assert module.crossed_evaluation(last, point, every, points) == crossed
    check_run_plan(module)
    check_phases(module)


def check_phases(module: Any) -> None:
    """Phased runs walked step by step, against their phases written out."""
    params = {"global_batch_size": 4, "learning_rate": 1.0, "warmup_steps": 1}
    params |= {"phase2_warmup_steps": 2, "phase3_global_batch_size": 5, "phase3_replay": 0.5}
    params |= {"phase3_learning_rate": 3.0}
    stages = (
        module.Stage(10),
        module.Stage(20, global_batch_size=6, learning_rate=2.0, warmup_steps=9, replay=0.25),
        module.Stage(1, global_batch_size=7, learning_rate=2.0, replay=0.25),
        module.Stage(9, 3, None, 0),
    )
    # 10 -> 12 in 3 steps of 4; to 30 in 3 of 6; 1 more in 1 of 5; to 40 in 2 of 3, which is 41.
    written = [
        (1, 0, 0, 3, 4, 1, 1.0, 0.0),
        (2, 3, 12, 3, 6, 2, 2.0, 0.25),
        (3, 6, 30, 1, 5, 1, 3.0, 0.5),
        (4, 7, 35, 2, 3, 0, 1.0, 0.0),
    ]
    run = module.run_plan(params, 40, 20, stages)
    assert [dataclasses.astuple(phase) for phase in run.phases] == written
    assert [phase.samples for phase in run.phases] == [12, 18, 5, 6]
    assert [phase.end for phase in run.phases] == [12, 30, 35, 41]
    assert [phase.last_step for phase in run.phases] == [3, 6, 7, 9]
    assert [phase.warm for phase in run.phases] == [4, 24, 35, 35]
    assert (run.horizon, run.points, run.steps, run.samples) == (40, 20, 9, 41)
    assert (run.global_batch_size, run.warmup_steps, run.warmup_samples) == (4, 1, 4)
    sizes = [4, 4, 4, 6, 6, 6, 5, 3, 3]
    of = [1, 1, 1, 2, 2, 2, 3, 4, 4]
    warm = [True, False, False, True, True, False, True, False, False]
    seen = [sum(sizes[: step + 1]) for step in range(9)]
    assert [run.phase_of(step).number for step in range(9)] == of
    assert [run.samples_after(step) for step in range(10)] == [0, *seen]
    assert [run.step_at(samples) for samples in [0, *seen]] == list(range(10))
    assert [run.phase_at(samples).number for samples in seen] == of
    assert run.step_at(15) == 3
    assert (run.phase_at(0).number, run.phase_at(99).number, run.phase_of(99).number) == (1, 4, 4)
    last = {min(20, samples // 2): step for step, samples in enumerate(seen)}
    assert run.reported_points() == sorted(last)
    assert all(isinstance(run.samples_at(point), int) for point in last)
    for point, step in last.items():
        assert run.samples_at(point) == seen[step]
        assert run.past_warmup(point) == (not warm[step])
    assert run.first_report(7) == 15
    stacked = module.run_plan({**params, "strategy": "stacked"}, 40, 20, stages)
    assert stacked == module.RunPlan(40, 4, 20, 1)
    assert [dataclasses.astuple(p) for p in stacked.phases] == [(1, 0, 0, 10, 4, 1, None, 0.0)]
    assert module.run_plan({**params, "strategy": "phased"}, 40, 20, stages) == run
    assert module.run_plan({"strategy": "phased"}, 40, 20) == module.RunPlan(40, 1, 20)
    # Of the second phase nothing is left, and no batch size is one sample.
    short = module.run_plan(
        {"phase1_global_batch_size": 9}, 8, 2, [module.Stage(6), module.Stage(2)]
    )
    assert [(phase.steps, phase.global_batch_size) for phase in short.phases] == [(1, 9), (0, 1)]
    assert [phase.learning_rate for phase in short.phases] == [None, None]
    share = module.run_plan({"warmup_ratio": 0.5}, 9, 3, [module.Stage(4), module.Stage(5)])
    assert [phase.warmup_steps for phase in share.phases] == [2, 3]


def check_run_plan(module: Any) -> None:
    """What a run reads from its parameters."""
    assert module.warmup_steps({"warmup_steps": 7, "warmup_ratio": 0.5}, 100) == 7
    assert module.warmup_steps({"warmup_ratio": 0.1}, 101) == 11
    assert module.warmup_steps({}, 100) == 0
    run = module.run_plan({"global_batch_size": 4, "warmup_ratio": 0.5}, 41, 6)
    assert (run.horizon, run.global_batch_size, run.points, run.warmup_steps) == (41, 4, 6, 6)
    assert module.run_plan({}, 9, 2).global_batch_size == 1


def step(number: int, loss: float, norm: float | None, **changes: Any) -> StepRecord:
    """One step with numbers that are all different."""
    made = StepRecord(number, number * 10, 3 * number, loss, norm, number / 8, seconds=number / 2)
    return dataclasses.replace(made, **changes)


def check_windows(module: Any) -> None:
    """Windows whose every field is known."""
    steps = [
        step(1, 2.0, 1.0),
        step(2, 5.0, math.nan, changed=False),
        step(3, math.inf, 4.0),
        step(4, 3.0, None, changed=False, label_tokens=5),
        step(5, 1.0, 2.0),
    ]
    window = module.make_window(steps, peak_memory_bytes=11)
    losses, norms = [2.0, 5.0, 3.0, 1.0], [1.0, 4.0, 2.0]
    mean = (3 * 2 + 6 * 5 + 5 * 3 + 15 * 1) / (3 + 6 + 5 + 15)
    for found, values, value in ((window.loss, losses, mean), (window.grad_norm, norms, 2.0)):
        middle = median(values)
        assert found.value == pytest.approx(value)
        assert (found.first, found.last) == (values[0], values[-1])
        assert (found.min, found.max, found.median) == (min(values), max(values), middle)
        assert found.mad == median(abs(v - middle) for v in values)
    assert (window.steps, window.non_finite, window.unchanged) == (5, 2, 2)
    assert (window.learning_rate, window.tokens) == (5 / 8, 45)
    assert window.tokens_per_second == 45 / 7.5
    assert window.peak_memory_bytes == 11
    check_odd_windows(module)
    check_spikes(module)


def check_odd_windows(module: Any) -> None:
    """No steps, no tokens, no time, no norm, nothing finite."""
    with pytest.raises(ValueError, match="at least one step"):
        module.make_window([])
    bare = module.make_window([step(n, 1.0 * n, None, tokens=0, seconds=0.0) for n in (1, 2, 6)])
    assert (bare.loss.value, bare.grad_norm, bare.spikes) == (3.0, None, 0)
    assert (bare.tokens_per_second, bare.tokens) == (None, 0)
    one = module.make_window([step(1, 4.0, 0.0, tokens=1, seconds=0.5)])
    assert (one.loss.value, one.grad_norm.value, one.tokens_per_second) == (4.0, 0.0, 2.0)
    broken = module.make_window([step(1, math.nan, math.inf)])
    assert all(math.isnan(value) for value in broken.loss.model_dump().values())
    assert all(math.isnan(value) for value in broken.grad_norm.model_dump().values())
    assert broken.non_finite == 2


def check_spikes(module: Any) -> None:
    """On both sides of each bound: three norms, the ratio, and the deviations."""

    def spikes(*norms: float) -> int:
        return int(
            module.make_window([step(n, 1.0, norm) for n, norm in enumerate(norms, 1)]).spikes
        )

    assert spikes(1.0, 1.0, 3.1) == 1
    assert spikes(1.0, 1.0, 2.9) == 0
    assert spikes(1.0, 100.0) == 0
    assert spikes(0.0, 1.0, 100.0) == 0
    assert spikes(0.0, 1.0, 1.0, math.nan, 9.0, 9.0) == 0
    assert spikes(0.0, 1.0, 1.0, 100.0) == 1
    assert spikes(1.0, 1.0, 1.0, math.inf) == 0
    assert spikes(1.0, 1.0, 1.0, 1.0, 9.0, 9.0) == 2
    # Logs 0, 1, 2, 3 and x: their median is 2, the deviation 1, so the bound is 2 + 6 x 1.4826.
    for beyond, count in ((0.01, 1), (-0.01, 0)):
        logs = [0.0, 1.0, 2.0, 3.0, 2 + 6 * 1.4826 + beyond]
        assert spikes(*[math.exp(log) for log in logs]) == count


CHECKS: list[tuple[Any, Callable[[Any], None]]] = [
    (sweeps.lifecycle, check_lifecycle),
    (sweeps.points, check_points),
    (sweeps.windows, check_windows),
]


def survives(mutant: Mutant, check: Callable[[Any], None]) -> bool:
    """True when the check notices nothing."""
    try:
        check(mutant.load())
    except Exception:  # noqa: BLE001 whatever a change breaks, and however, it was noticed
        return False
    return True


@pytest.mark.parametrize(("module", "check"), CHECKS)
def test_the_real_module_passes(module: Any, check: Callable[[Any], None]) -> None:
    check(module)


@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")
@pytest.mark.parametrize(("module", "check"), CHECKS)
def test_every_small_change_is_noticed(module: Any, check: Callable[[Any], None]) -> None:
    made = mutants(module)
    assert len(made) >= 20
    alive = {f"{m.module}: {m.change}" for m in made if survives(m, check)}
    known = {name for name in EQUIVALENT if name.startswith(f"{module.__name__}: ")}
    assert not alive - known, f"these changes go unnoticed: {sorted(alive - known)}"
    assert not known - alive, f"take these out of EQUIVALENT: {sorted(known - alive)}"
