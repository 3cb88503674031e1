"""What a sweep costs in hours, from throughputs that were measured. Never guessed."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sweeps.points import Stage, run_plan
from sweeps.trial import Params, ParamValue
from sweeps.wire import Wire

# Cells compared with the measurements at a time.
CHUNK = 1000


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


class Deviation(Wire):
    """How far predictions were off: the median of |predicted - measured| / measured over `n` trials
    of the past, each predicted from the others alone."""

    median: float
    n: int


def samples_of(cell: Params, horizon: int, stages: Sequence[Stage] = ()) -> int:
    """Samples of one whole run: its last step is whole."""
    return run_plan(cell, horizon, 1, stages).samples


def trial_hours(
    cells: Sequence[Params], trials: int, horizon: int, measured: Sequence[Measured]
) -> Estimate | None:
    """Hours of `trials` unpruned runs one after the other, spread evenly over `cells`.

    A cell takes the rates measured nearest to it. None when nothing usable was measured.
    """
    usable = [one for one in measured if one.samples_per_second > 0]
    if not (usable and cells and trials):
        return None
    work = np.array([samples_of(cell, horizon) for cell in cells], dtype=np.float64)
    rates = np.concatenate(
        [_rates(cells[start : start + CHUNK], usable) for start in range(0, len(cells), CHUNK)]
    )
    # Columns: the fastest, the median and the slowest rate of each cell.
    low, middle, high = (trials / len(cells) / 3600 * (work[:, None] / rates).sum(axis=0)).tolist()
    return Estimate(low=low, middle=middle, high=high)


def rate_deviation(measured: Sequence[Measured]) -> Deviation | None:
    """How far a trial's samples per second were from those of the others that are nearest to it,
    which is what hours are estimated by. None below two."""
    usable = [one for one in measured if one.samples_per_second > 0]
    if len(usable) < 2:
        return None
    likeness = _likeness([one.params for one in usable], usable)
    np.fill_diagonal(likeness, -1)
    rates = np.array([one.samples_per_second for one in usable])
    foretold = _nearest(likeness, usable)[:, 1]
    return Deviation(median=float(np.median(abs(foretold - rates) / rates)), n=len(usable))


def device_hours(hours: Estimate, asked: float | None, measured: Sequence[Measured]) -> Estimate:
    """GPU-hours: by `asked` GPUs of a trial, else by those that the pool was measured with."""
    devices = statistics.median(one.devices for one in measured) if asked is None else asked
    return Estimate(
        low=hours.low * devices, middle=hours.middle * devices, high=hours.high * devices
    )


def _rates(cells: Sequence[Params], measured: Sequence[Measured]) -> NDArray[np.float64]:
    """One row a cell: the fastest, median and slowest of the rates measured nearest to it, which
    are those of the measurements that share the most parameters with it."""
    return _nearest(_likeness(cells, measured), measured)


def _likeness(cells: Sequence[Params], measured: Sequence[Measured]) -> NDArray[np.int32]:
    """How many parameters each cell (row) shares with each measurement (column)."""
    likeness = np.zeros((len(cells), len(measured)), dtype=np.int32)
    for name in sorted({name for cell in cells for name in cell}):
        codes: dict[ParamValue | None, int] = {None: -1}
        here = [codes.setdefault(cell.get(name), len(codes)) for cell in cells]
        there = [codes.get(one.params.get(name), -2) for one in measured]
        # A parameter that neither has is nothing in common.
        likeness += (np.array(here)[:, None] == np.array(there)) & (np.array(here)[:, None] >= 0)
    return likeness


def _nearest(likeness: NDArray[np.int32], measured: Sequence[Measured]) -> NDArray[np.float64]:
    nearest = likeness == likeness.max(axis=1, keepdims=True)
    known = np.where(nearest, [one.samples_per_second for one in measured], np.nan)
    found = [np.nanmax(known, axis=1), np.nanmedian(known, axis=1), np.nanmin(known, axis=1)]
    return np.stack(found, axis=1)
