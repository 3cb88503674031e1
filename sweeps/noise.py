"""The noise of a gradient, from two norms of the same step.

Source: McCandlish et al., "An Empirical Model of Large-Batch Training" (arXiv 1812.06162),
appendix A.1: E|g_n|^2 = |G|^2 + tr(Sigma) / n for the mean gradient g_n of n random samples.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sweeps.trial import StepRecord


@dataclass(frozen=True)
class GradientNoise:
    """`scale` is tr(Sigma) / |G|^2 in samples, `true_norm` is |G|: the norm without the noise.

    None: not measured, or the estimate is not positive, which happens where few steps were
    averaged or the noise is far larger than the gradient.
    """

    scale: float | None = None
    true_norm: float | None = None


def gradient_noise(steps: Sequence[StepRecord]) -> GradientNoise:
    """The noise over some steps, from those that carry the norm of one of their micro-batches.

    Both estimates are averaged over the steps before one is divided by the other: that of a
    single step is noisy and may be negative.
    """
    pairs = [pair for step in steps if (pair := _estimates(step)) is not None]
    if not pairs:
        return GradientNoise()
    true_square = math.fsum(square for square, _ in pairs) / len(pairs)
    trace = math.fsum(trace for _, trace in pairs) / len(pairs)
    if not 0 < true_square < math.inf:
        return GradientNoise()
    scale = trace / true_square
    return GradientNoise(scale if 0 < scale < math.inf else None, math.sqrt(true_square))


def _estimates(step: StepRecord) -> tuple[float, float] | None:
    """|G|^2 and tr(Sigma) by one step: equations A.2 and A.3. None where they are not at hand."""
    small, large = step.micro_batch, step.samples
    if step.micro_grad_norm is None or step.grad_norm is None or not small or not large:
        return None
    of_small, of_large = step.micro_grad_norm**2, step.grad_norm**2
    if small >= large or not math.isfinite(of_small + of_large):
        return None
    square = (large * of_large - small * of_small) / (large - small)
    return square, (of_small - of_large) / (1 / small - 1 / large)
