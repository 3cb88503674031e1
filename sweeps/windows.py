"""The one function that makes a Window from steps: live, in the simulator and in replay."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from sweeps.noise import gradient_noise
from sweeps.trial import Spread, StepRecord, Window

# A spike: log norm more than 6 robust deviations over the window's median, and more than 3x it.
SPIKE_SIGMAS = 6.0
SPIKE_RATIO = 3.0
_MAD_TO_SIGMA = 1.4826


def make_window(steps: Sequence[StepRecord], peak_memory_bytes: int | None = None) -> Window:
    """The window over `steps`, all steps since the decision point before, in order.

    loss is the token-weighted mean (unweighted when no tokens were counted), grad_norm the median,
    both over finite values; learning_rate is that of the last step. Raises ValueError for no steps.
    """
    if not steps:
        raise ValueError("a window needs at least one step")
    losses = [step.loss for step in steps]
    norms = [step.grad_norm for step in steps if step.grad_norm is not None]
    tokens = sum(step.tokens for step in steps)
    seconds = sum(step.seconds for step in steps)
    noise = gradient_noise(steps)
    return Window(
        steps=len(steps),
        loss=_spread(losses, _weighted_mean(steps)),
        grad_norm=_spread(norms, None) if norms else None,
        spikes=_spikes(norms),
        non_finite=sum(not math.isfinite(x) for x in [*losses, *norms]),
        unchanged=sum(not step.changed for step in steps),
        learning_rate=steps[-1].learning_rate,
        tokens=tokens,
        tokens_per_second=tokens / seconds if seconds > 0 else None,
        peak_memory_bytes=peak_memory_bytes,
        noise_scale=noise.scale,
        true_grad_norm=noise.true_norm,
    )


def _weighted_mean(steps: Sequence[StepRecord]) -> float:
    """Mean loss weighted by label tokens where counted, else by input tokens, else evenly."""
    finite = [step for step in steps if math.isfinite(step.loss)]
    weights = [step.tokens if step.label_tokens is None else step.label_tokens for step in finite]
    if not finite:
        return math.nan
    if sum(weights) == 0:
        weights = [1] * len(finite)
    total = math.fsum(w * step.loss for w, step in zip(weights, finite, strict=True))
    return total / sum(weights)


def _spread(values: list[float], value: float | None) -> Spread:
    finite = np.array([v for v in values if math.isfinite(v)], dtype=np.float64)
    if finite.size == 0:
        nan = math.nan
        return Spread(value=nan, first=nan, last=nan, min=nan, max=nan, median=nan, mad=nan)
    median = float(np.median(finite))
    return Spread(
        value=median if value is None else value,
        first=float(finite[0]),
        last=float(finite[-1]),
        min=float(finite.min()),
        max=float(finite.max()),
        median=median,
        mad=float(np.median(np.abs(finite - median))),
    )


def _spikes(norms: list[float]) -> int:
    logs = np.log([norm for norm in norms if math.isfinite(norm) and norm > 0])
    if logs.size < 3:
        return 0
    median = float(np.median(logs))
    spread = _MAD_TO_SIGMA * float(np.median(np.abs(logs - median)))
    bound = median + max(SPIKE_SIGMAS * spread, math.log(SPIKE_RATIO))
    return int((logs > bound).sum())
