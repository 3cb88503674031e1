"""What a sweep costs in hours, from throughputs that were measured. Never guessed."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from sweeps.points import run_plan
from sweeps.trial import Params
from sweeps.wire import Wire


class Measured(Wire):
    """A throughput that was seen: a finished trial of the same workload on the same devices."""

    samples_per_second: float
    params: Params
    devices: float


class Estimate(Wire):
    """A cost as a range over what was measured; low equals high after one measurement."""

    low: float
    middle: float
    high: float


def samples_of(cell: Params, horizon: int) -> int:
    """Samples of one whole run: its last step is whole."""
    run = run_plan(cell, horizon, 1)
    return run.steps * run.global_batch_size


def trial_hours(
    cells: Sequence[Params], trials: int, horizon: int, measured: Sequence[Measured]
) -> Estimate | None:
    """Hours of `trials` unpruned runs one after the other, spread evenly over `cells`.

    A cell takes the rates measured nearest to it. None when nothing usable was measured.
    """
    usable = [one for one in measured if one.samples_per_second > 0]
    if not (usable and cells and trials):
        return None
    share = trials / len(cells) / 3600
    low = middle = high = 0.0
    for cell in cells:
        rates = _rates(cell, usable)
        work = share * samples_of(cell, horizon)
        low += work / max(rates)
        middle += work / statistics.median(rates)
        high += work / min(rates)
    return Estimate(low=low, middle=middle, high=high)


def device_hours(hours: Estimate, asked: float | None, measured: Sequence[Measured]) -> Estimate:
    """GPU-hours: by `asked` GPUs of a trial, else by those that the pool was measured with."""
    devices = statistics.median(one.devices for one in measured) if asked is None else asked
    return Estimate(
        low=hours.low * devices, middle=hours.middle * devices, high=hours.high * devices
    )


def _rates(cell: Params, measured: Sequence[Measured]) -> list[float]:
    """Samples a second, from those measurements that share the most parameters with `cell`."""
    likeness = [sum(one.params.get(n) == v for n, v in cell.items()) for one in measured]
    best = max(likeness)
    pairs = zip(likeness, measured, strict=True)
    return [one.samples_per_second for like, one in pairs if like == best]
