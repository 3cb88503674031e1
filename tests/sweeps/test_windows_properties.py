"""What holds of every window. Losses are eighths and norms powers of two: their sums are exact."""

from __future__ import annotations

import dataclasses
import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stories import make_step

from sweeps.trial import Spread, StepRecord, Window
from sweeps.windows import make_window

eighths = st.integers(-80, 80).map(lambda n: n / 8)
powers = st.integers(-6, 6).map(lambda n: 2.0**n)
broken = st.sampled_from([math.nan, math.inf, -math.inf])
healthy = st.builds(
    make_step,
    loss=eighths,
    norm=powers,
    tokens=st.integers(1, 9),
    learning_rate=powers,
    changed=st.booleans(),
    seconds=st.just(1.0),
)
windows = st.lists(healthy, min_size=1, max_size=9)


def spread(window: Window, signal: str) -> Spread:
    found = {"loss": window.loss, "grad_norm": window.grad_norm}[signal]
    assert found is not None
    return found


def fields(found: Spread) -> dict[str, float]:
    return {name: getattr(found, name) for name in type(found).model_fields}


@given(windows.flatmap(lambda steps: st.tuples(st.just(steps), st.permutations(steps))))
def test_only_first_last_and_rate_depend_on_the_order(
    both: tuple[list[StepRecord], list[StepRecord]],
) -> None:
    steps, mixed = both
    one, other = make_window(steps), make_window(mixed)
    for signal in ("loss", "grad_norm"):
        ends = {"first": 0.0, "last": 0.0}
        assert fields(spread(one, signal)) | ends == fields(spread(other, signal)) | ends
    assert one.spikes == other.spikes
    assert one.tokens_per_second == other.tokens_per_second
    assert spread(other, "loss").first == mixed[0].loss
    assert spread(other, "loss").last == mixed[-1].loss
    assert other.learning_rate == mixed[-1].learning_rate


@given(windows, st.integers(-8, 8))
def test_scaled_losses_and_norms_scale_their_spreads(steps: list[StepRecord], power: int) -> None:
    factor = 2.0**power
    scaled = [
        dataclasses.replace(s, loss=s.loss * factor, grad_norm=(s.grad_norm or 0.0) * factor)
        for s in steps
    ]
    one, other = make_window(steps), make_window(scaled)
    for signal in ("loss", "grad_norm"):
        times = {name: value * factor for name, value in fields(spread(one, signal)).items()}
        assert fields(spread(other, signal)) == pytest.approx(times, rel=1e-12, abs=0)
    assert one.spikes == other.spikes


@given(windows, eighths)
def test_shifted_losses_shift_all_but_the_deviation(steps: list[StepRecord], by: float) -> None:
    shifted = make_window([dataclasses.replace(s, loss=s.loss + by) for s in steps])
    before = fields(spread(make_window(steps), "loss"))
    expected = {name: value + (by if name != "mad" else 0.0) for name, value in before.items()}
    assert fields(spread(shifted, "loss")) == pytest.approx(expected, abs=1e-12)


@given(windows, windows)
def test_two_windows_make_one(early: list[StepRecord], late: list[StepRecord]) -> None:
    a, b, both = make_window(early), make_window(late), make_window([*early, *late])
    for name in ("steps", "non_finite", "unchanged", "tokens"):
        assert getattr(both, name) == getattr(a, name) + getattr(b, name)
    for signal in ("loss", "grad_norm"):
        one, other, whole = spread(a, signal), spread(b, signal), spread(both, signal)
        assert (whole.first, whole.last) == (one.first, other.last)
        assert (whole.min, whole.max) == (min(one.min, other.min), max(one.max, other.max))
        assert min(one.median, other.median) <= whole.median <= max(one.median, other.median)
    weighed = spread(a, "loss").value * a.tokens + spread(b, "loss").value * b.tokens
    assert spread(both, "loss").value == pytest.approx(weighed / both.tokens, abs=1e-12)


@given(windows)
def test_the_mean_is_exact_and_between_the_extremes(steps: list[StepRecord]) -> None:
    """Against exact fractions."""
    found = spread(make_window(steps), "loss")
    total = sum(Fraction(step.loss) * step.tokens for step in steps)
    exact = float(total / sum(step.tokens for step in steps))
    assert found.value == pytest.approx(exact, rel=1e-15, abs=1e-300)
    assert found.min - 1e-12 <= found.value <= found.max + 1e-12


@given(windows, st.integers(2, 5))
def test_a_step_seen_n_times_weighs_n_fold(steps: list[StepRecord], times: int) -> None:
    again = make_window([*steps, *[steps[0]] * (times - 1)])
    heavier = dataclasses.replace(steps[0], tokens=steps[0].tokens * times)
    heavy = make_window([heavier, *steps[1:]])
    assert spread(again, "loss").value == pytest.approx(spread(heavy, "loss").value, abs=1e-12)


@given(windows, broken, broken, st.integers(0, 9))
def test_what_is_not_finite_is_counted_and_nothing_else(
    steps: list[StepRecord], loss: float, norm: float, where: int
) -> None:
    bad = make_step(loss=loss, norm=norm, tokens=5)
    place = min(where, len(steps))
    one, other = make_window(steps), make_window([*steps[:place], bad, *steps[place:]])
    assert other.non_finite == one.non_finite + 2
    assert other.steps == one.steps + 1
    assert other.spikes == one.spikes
    for signal in ("loss", "grad_norm"):
        assert fields(spread(one, signal)) == fields(spread(other, signal))


@given(windows)
def test_a_norm_that_is_not_measured_is_left_out(steps: list[StepRecord]) -> None:
    bare = make_window([*steps, make_step(norm=None)])
    assert spread(bare, "grad_norm") == spread(make_window(steps), "grad_norm")
    assert make_window([make_step(norm=None)]).grad_norm is None


@given(st.integers(2, 9), st.integers(-3, 3), st.integers(2, 12))
def test_a_lone_spike_is_one_spike_whatever_its_size(many: int, level: int, size: int) -> None:
    """Norms are all equal but one, which is 2^size times as large; from 3x on that is a spike."""
    calm = [make_step(norm=2.0**level) for _ in range(many)]
    window = make_window([*calm, make_step(norm=2.0 ** (level + size))])
    assert window.spikes == 1
    assert spread(window, "grad_norm").value == 2.0**level
    assert make_window(calm).spikes == 0
