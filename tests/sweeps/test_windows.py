from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stories import make_step

from sweeps.trial import StepRecord
from sweeps.windows import make_window

finite = st.floats(-50, 50)
steps_of = st.lists(
    st.builds(
        StepRecord,
        step=st.integers(1, 9),
        samples_seen=st.integers(1, 99),
        tokens=st.integers(0, 1000),
        loss=finite | st.sampled_from([math.nan, math.inf, -math.inf]),
        grad_norm=st.none() | st.floats(0, 1e6) | st.just(math.nan),
        learning_rate=st.floats(0, 1),
        seconds=st.floats(0, 10),
        changed=st.booleans(),
        label_tokens=st.none() | st.integers(0, 100),
    ),
    min_size=1,
    max_size=8,
)


def test_loss_is_the_token_weighted_mean() -> None:
    steps = [make_step(1, 1.0, tokens=10), make_step(2, 4.0, tokens=30)]
    window = make_window(steps)
    assert window.loss is not None
    assert window.loss.value == pytest.approx((1 * 10 + 4 * 30) / 40)
    assert (window.loss.first, window.loss.last) == (1.0, 4.0)
    assert (window.tokens, window.steps) == (40, 2)


def test_label_tokens_weigh_before_input_tokens() -> None:
    steps = [make_step(1, 1.0, tokens=10, label_tokens=3), make_step(2, 4.0, label_tokens=1)]
    loss = make_window(steps).loss
    assert loss is not None
    assert loss.value == pytest.approx((1 * 3 + 4 * 1) / 4)


def test_without_tokens_steps_weigh_the_same() -> None:
    loss = make_window([make_step(1, 1.0, tokens=0), make_step(2, 4.0, tokens=0)]).loss
    assert loss is not None
    assert loss.value == 2.5


def test_grad_norm_is_the_median() -> None:
    window = make_window([make_step(n, 1.0, norm) for n, norm in enumerate([1.0, 2.0, 900.0])])
    assert window.grad_norm is not None
    assert window.grad_norm.value == window.grad_norm.median == 2.0
    assert window.grad_norm.max == 900.0
    assert window.grad_norm.mad == 1.0


def test_an_unmeasured_norm_is_absent_and_not_zero() -> None:
    window = make_window([make_step(1, 1.0, None)])
    assert window.grad_norm is None
    assert window.non_finite == 0


def test_non_finite_values_are_counted_and_left_out() -> None:
    steps = [make_step(1, math.nan, math.inf), make_step(2, 3.0, 1.0), make_step(3, math.inf, 2.0)]
    window = make_window(steps)
    assert window.non_finite == 3
    assert window.loss is not None
    assert window.grad_norm is not None
    assert (window.loss.value, window.loss.first, window.loss.last) == (3.0, 3.0, 3.0)
    assert window.grad_norm.max == 2.0


def test_a_window_of_nan_alone_is_nan_and_not_absent() -> None:
    loss = make_window([make_step(1, math.nan)]).loss
    assert loss is not None
    assert all(math.isnan(value) for value in loss.model_dump().values())


@pytest.mark.parametrize(
    ("norms", "spikes"),
    [
        ([1.0] * 9 + [11_000.0], 1),
        ([1.0] * 9 + [2.9], 0),
        ([1.0] * 9 + [3.1], 1),
        ([1.0, 2.0, 4.0, 8.0, 16.0, 32.0], 0),
        ([1.0, 100.0], 0),
        ([0.0, 0.0, 0.0, 5.0], 0),
        ([1.0] * 9 + [math.nan], 0),
    ],
)
def test_spikes(norms: list[float], spikes: int) -> None:
    window = make_window([make_step(n, 1.0, norm) for n, norm in enumerate(norms)])
    assert window.spikes == spikes


def test_counts_and_rates() -> None:
    steps = [
        make_step(1, changed=False, seconds=1.0, learning_rate=0.3),
        make_step(2, seconds=3.0, learning_rate=0.2),
    ]
    window = make_window(steps, peak_memory_bytes=7)
    assert window.unchanged == 1
    assert window.learning_rate == 0.2
    assert window.tokens_per_second == 50.0
    assert window.peak_memory_bytes == 7
    assert make_window([make_step(1)]).tokens_per_second is None


def test_no_steps_make_no_window() -> None:
    with pytest.raises(ValueError, match="at least one step"):
        make_window([])


@given(steps_of)
def test_order_changes_first_last_and_rate_only(steps: list[StepRecord]) -> None:
    def unordered(window: Any) -> dict[str, Any]:
        plain: dict[str, Any] = window.model_dump(mode="json")
        plain.pop("learning_rate")
        plain.pop("tokens_per_second")  # a sum of floats: its last digit follows the order
        for signal in ("loss", "grad_norm"):
            if plain[signal] is not None:
                plain[signal].pop("first")
                plain[signal].pop("last")
        return plain

    assert unordered(make_window(steps)) == unordered(make_window(steps[::-1]))


@given(steps_of)
def test_a_window_is_consistent(steps: list[StepRecord]) -> None:
    window = make_window(steps)
    for spread in (window.loss, window.grad_norm):
        if spread is None or math.isnan(spread.value):
            continue
        assert spread.min <= spread.median <= spread.max
        slack = 1e-9 * max(1.0, abs(spread.max), abs(spread.min))
        assert spread.min - slack <= spread.value <= spread.max + slack
        assert spread.mad >= 0
    assert 0 <= window.spikes <= window.steps
    assert window.non_finite <= 2 * window.steps


@given(steps_of)
def test_wall_time_decides_nothing(steps: list[StepRecord]) -> None:
    timeless = [dataclasses.replace(step, seconds=0.0) for step in steps]
    drop = {"tokens_per_second"}
    assert repr(make_window(steps).model_dump(exclude=drop)) == repr(
        make_window(timeless).model_dump(exclude=drop)
    )
