"""What finished sweeps of the same family add to the prior.

They are sweeps in which the pruner held nothing back for good, so that their finals are those of
all trials and not of a selection (`service.store.past` sees to it).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from sweeps.cohort import batches, cohort_key
from sweeps.points import warmup_steps
from sweeps.pruners.early_dynamics.prior import SIGNALS, Past, Weights, regressed
from sweeps.trial import Params

# The share of the run at which a past trial is looked at: the first point in this range.
_FROM, _TO = 0.05, 0.3


def updated(
    weights: Weights, sweeps: Sequence[Mapping[str, Any]], higher: bool, recipe: str = "sft"
) -> Weights:
    """The weights after these past sweeps: the regression of each of their cohorts is a normal
    observation of the weights with covariance S / 2 + noise / n, and the observations multiply.

    `sweeps` are those of `Story.evidence`; more of their final is better when `higher`.
    Their `recipe` is that of the family.
    """
    size = len(weights.signals)
    start = np.linalg.inv(weights.spread_array)
    total, pull = start.copy(), start @ weights.mean_array
    for past in (one for sweep in sweeps for one in _cohorts(sweep, higher, recipe)):
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


def _cohorts(sweep: Mapping[str, Any], higher: bool, recipe: str) -> Iterator[Past]:
    """What is ranked together: the trials of a sweep that may be compared with each other."""
    cohorts: dict[Any, list[Mapping[str, Any]]] = {}
    for trial in sweep.get("trials", []):
        if _number(trial.get("final")) is not None:
            key = cohort_key(trial.get("params", {}), "", recipe)
            cohorts.setdefault(key, []).append(trial)
    for trials in cohorts.values():
        yield _past(str(sweep.get("sweep", "")), trials, bool(sweep.get("higher")), higher)


def _past(name: str, trials: Sequence[Mapping[str, Any]], watched: bool, higher: bool) -> Past:
    """`watched`: more of the metric along the way is better; `higher`: more of the final is."""
    turned = {"metric": -1.0 if watched else 1.0}
    signals = {
        signal: np.array([_early(one, signal, turned.get(signal, 1.0)) for one in trials])
        for signal in SIGNALS
    }
    if len({batches(one.get("params", {})) for one in trials}) > 1:
        signals["grad_norm"][:] = math.nan  # a larger batch lowers the norm by itself
    finals = [(-1.0 if higher else 1.0) * float(one["final"]) for one in trials]
    ends = np.array([end if math.isfinite(end) else math.inf for end in finals], dtype=np.float64)
    return Past(name, signals, ends)


def _early(trial: Mapping[str, Any], name: str, sign: float) -> float:
    """The signal at the first point of the trial in the range and past its warmup, NaN without."""
    near = [
        point
        for point in trial.get("points", [])
        if _FROM <= float(point.get("share", 0.0)) <= _TO and _warm(trial.get("params", {}), point)
    ]
    found = [value for point in near if (value := _number(point.get(name))) is not None]
    if not found:
        return math.nan
    value = found[0] * sign
    return value if math.isfinite(value) else math.inf


def _warm(params: Params, point: Mapping[str, Any]) -> bool:
    batch, seen = int(params.get("global_batch_size", 1)), int(point.get("samples", 0))
    steps = seen / float(point["share"]) / batch  # of the whole run
    return seen > warmup_steps(params, math.ceil(steps)) * batch


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None
