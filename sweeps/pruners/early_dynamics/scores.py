"""Numbers on scales that can be compared: normal scores by rank, and the utility of finals."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

Floats = NDArray[np.float64]

# A trial whose signal is missing where others have it: among the worst fifteenth.
MISSING = -1.5
_WORST = 4.0


def normal_scores(costs: Floats) -> Floats:
    """The normal score of each cost by its rank, the least cost highest; NaN stays NaN.

    Blom's scores, the quantile at (rank - 3/8) / (n + 1/4); equal costs share the mean of their
    ranks, infinite ones are the worst. A single cost scores 0.
    """
    found, there = np.full(len(costs), np.nan), ~np.isnan(costs)
    values = costs[there]
    if not values.size:
        return found
    ordered = np.sort(values)
    below = np.searchsorted(ordered, values, side="left")
    upto = np.searchsorted(ordered, values, side="right")
    ranks = (below + 1 + upto) / 2
    found[there] = -ndtri((ranks - 0.375) / (values.size + 0.25))
    return found


def utilities(costs: Floats, best: float) -> Floats:
    """Finals as utilities, 0 for `best`, never below -4; an infinite cost is the worst.

    y = -g((cost - best) / c): c the larger of the second smallest gap and the 40 % quantile of the
    gaps, g(u) = u up to 1 and 1 + log u above, so that far-off failures do not set the scale.
    """
    # What is too far off for the difference to be a number is as bad as infinite.
    with np.errstate(over="ignore"):
        away = costs - best
    gaps = np.sort(away[np.isfinite(away)])
    if not gaps.size:
        return np.full(len(costs), -_WORST)
    scale = max(float(gaps[1]), float(np.quantile(gaps, 0.4))) if gaps.size > 1 else 1.0
    if scale <= 0:
        scale = next((float(gap) for gap in gaps if gap > 0), 1.0)
    with np.errstate(over="ignore"):
        units = away / scale
    stretched = 1 + np.log(np.maximum(units, 1))
    return -np.minimum(_WORST, np.where(units <= 1, units, stretched))
