"""Whether two means differ by more than noise explains. Student's t without scipy: the service
computes results, and must not load it."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

# From here on the normal distribution is off by less than 0.0004.
_NORMAL_FROM = 1000.0
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(64)


@lru_cache(maxsize=4096)
def two_sided(t: float, freedom: float) -> float:
    """P(|T| >= |t|) of Student's t with `freedom` > 0 degrees; infinite: the normal distribution.

    With tan(a) = t / sqrt(f), P(T > t) is c times the integral of cos(x)^(f - 1) from a to pi/2,
    c = Gamma((f + 1) / 2) / (sqrt(pi) Gamma(f / 2)).
    """
    t = abs(t)
    if freedom >= _NORMAL_FROM or math.isinf(t):
        return math.erfc(t / math.sqrt(2))
    low = math.atan(t / math.sqrt(freedom))
    half = (math.pi / 2 - low) / 2
    inside = np.cos(low + half * (_NODES + 1)) ** (freedom - 1)
    log_c = math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2) - math.log(math.pi) / 2
    return min(1.0, 2 * math.exp(log_c) * half * float(_WEIGHTS @ inside))
