"""What finished sweeps of the same family add to the prior."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sweeps.pruners.early_dynamics.prior import SIGNALS, Past, Weights, regressed

# The share of the run at which a past trial is looked at: the first point in this range.
_FROM, _TO = 0.05, 0.3


def updated(weights: Weights, sweeps: Sequence[Mapping[str, Any]], higher: bool) -> Weights:
    """The weights after these past sweeps: each one's own regression is a normal observation of the
    weights with covariance S / 2 + noise / n, and the observations multiply.

    `sweeps` are those of `Story.evidence`; more of their metric is better when `higher`.
    """
    size = len(weights.signals)
    start = np.linalg.inv(weights.spread_array)
    total, pull = start.copy(), start @ weights.mean_array
    for sweep in sweeps:
        past = _past(sweep, higher)
        row = regressed(past, weights.signals)
        if row is None:
            continue
        trials = len(past.finals)
        around = weights.spread_array / 2 + weights.noise / trials * np.eye(size)
        known = np.linalg.inv(around)
        total, pull = total + known, pull + known @ row[:size]
    spread = np.linalg.inv(total)
    return Weights(
        signals=weights.signals,
        mean=[float(value) for value in spread @ pull],
        spread=[[float(cell) for cell in line] for line in spread],
        noise=weights.noise,
    )


def _past(sweep: Mapping[str, Any], higher: bool) -> Past:
    trials = [trial for trial in sweep.get("trials", []) if _number(trial.get("final")) is not None]
    sign = -1.0 if higher else 1.0
    signals = {
        name: np.array([_early(trial, name, sign) for trial in trials], dtype=np.float64)
        for name in SIGNALS
    }
    finals = [sign * float(trial["final"]) for trial in trials]
    ends = np.array([end if math.isfinite(end) else math.inf for end in finals], dtype=np.float64)
    return Past(str(sweep.get("sweep", "")), signals, ends)


def _early(trial: Mapping[str, Any], name: str, sign: float) -> float:
    near = [p for p in trial.get("points", []) if _FROM <= float(p.get("share", 0.0)) <= _TO]
    found = [value for point in near if (value := _number(point.get(name))) is not None]
    if not found:
        return math.nan
    value = found[0] * (sign if name == "metric" else 1.0)
    return value if math.isfinite(value) else math.inf


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None
