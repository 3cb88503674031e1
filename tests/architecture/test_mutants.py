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
