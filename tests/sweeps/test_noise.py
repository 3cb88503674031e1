"""The two-batch estimate against gradients whose mean and covariance are known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from stories import make_step

from sweeps.noise import GradientNoise, gradient_noise
from sweeps.trial import StepRecord
from sweeps.windows import make_window

SMALL, LARGE = 8, 32
TRUE = np.array([1.0, -2.0, 0.5, 0.0])
SIGMAS = np.array([1.0, 2.0, 4.0, 1.5])


def noisy(number: int, small: float | None = 3.0, large: float | None = 2.0) -> StepRecord:
    """A step with these norms of 8 and of all its 32 samples."""
    return make_step(number, norm=large, samples=LARGE, micro_batch=SMALL, micro_grad_norm=small)


def drawn(count: int, seed: int = 0) -> list[StepRecord]:
    """Steps whose samples' gradients are independent normals of mean TRUE and scale SIGMAS."""
    rng = np.random.default_rng(seed)
    samples = TRUE + SIGMAS * rng.standard_normal((count, LARGE, len(TRUE)))
    small = np.linalg.norm(samples[:, :SMALL].mean(axis=1), axis=1)
    large = np.linalg.norm(samples.mean(axis=1), axis=1)
    return [noisy(n, float(s), float(b)) for n, (s, b) in enumerate(zip(small, large, strict=True))]


def test_it_finds_the_mean_and_the_noise_that_the_samples_were_drawn_from() -> None:
    found = gradient_noise(drawn(20_000))
    square, trace = float(TRUE @ TRUE), float(SIGMAS @ SIGMAS)
    assert found.true_norm == pytest.approx(math.sqrt(square), rel=0.02)
    assert found.scale == pytest.approx(trace / square, rel=0.04)
    # The plain norm is that of the noise too: E|g|^2 = |G|^2 + tr(Sigma) / B.
    assert math.sqrt(square + trace / LARGE) > 1.05 * math.sqrt(square)


def test_one_step_by_hand() -> None:
    # |G|^2 = (32 x 4 - 8 x 9) / 24; tr = (9 - 4) / (1/8 - 1/32)
    found = gradient_noise([noisy(1)])
    assert found.true_norm == pytest.approx(math.sqrt(56 / 24))
    assert found.scale == pytest.approx((5 * 32 / 3) / (56 / 24))


def test_steps_are_averaged_before_they_are_divided() -> None:
    # The first step alone has a negative estimate of |G|^2.
    steps = [noisy(1, small=5.0), noisy(2, small=2.5)]
    assert gradient_noise(steps[:1]) == GradientNoise()
    square = ((128 - 8 * 25) / 24 + (128 - 8 * 6.25) / 24) / 2
    trace = ((25 - 4) + (6.25 - 4)) / 2 * 32 / 3
    found = gradient_noise(steps)
    assert found.true_norm == pytest.approx(math.sqrt(square))
    assert found.scale == pytest.approx(trace / square)


def test_noise_that_is_not_positive_is_none_and_the_norm_stays() -> None:
    found = gradient_noise([noisy(1, small=1.5)])
    assert found.scale is None
    assert found.true_norm == pytest.approx(math.sqrt((128 - 18) / 24))


@pytest.mark.parametrize(
    "step",
    [
        make_step(1),
        noisy(1, small=None),
        noisy(1, large=None),
        noisy(1, small=math.nan),
        noisy(1, large=math.inf),
        make_step(1, samples=SMALL, micro_batch=SMALL, micro_grad_norm=1.0),
        make_step(1, micro_batch=SMALL, micro_grad_norm=1.0),
        make_step(1, samples=LARGE, micro_batch=0, micro_grad_norm=1.0),
    ],
)
def test_steps_without_a_part_are_left_out(step: StepRecord) -> None:
    assert gradient_noise([step]) == GradientNoise()
    assert gradient_noise([step, noisy(2)]) == gradient_noise([noisy(2)])


def test_a_window_carries_it() -> None:
    window = make_window([noisy(1), noisy(2)])
    found = gradient_noise([noisy(1)])
    assert (window.noise_scale, window.true_grad_norm) == (found.scale, found.true_norm)
    bare = make_window([make_step(1)])
    assert (bare.noise_scale, bare.true_grad_norm) == (None, None)
