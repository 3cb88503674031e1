"""The rule by which configurations are told apart, and the noise of their means.

docs/ranking.md has the reasons. In short: two means differ when a two-sided test of them (Welch's,
where there are repetitions) falls below RATE. A winner has to differ from every other one; in a
comparison of equal configurations that happens at RATE at most: two of them are the worst case.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist

from sweeps.configurations import mean
from sweeps.significance import two_sided

# How often a comparison of equal configurations may declare a winner.
RATE = 0.05
_BEYOND = NormalDist().inv_cdf(1 - RATE / 2)


@dataclass(frozen=True)
class Entrant:
    """A configuration by the values that count for it, at least one. `stderr` is the standard
    error of the evaluation itself; it counts only between single runs."""

    values: tuple[float, ...]
    stderr: float | None = None

    @cached_property
    def mean(self) -> float:
        """Of its values."""
        return mean(self.values)

    @cached_property
    def error(self) -> float | None:
        """One standard error of the mean: of its own runs, else of its only evaluation.

        None when nobody knows: runs that are all equal say nothing about noise.
        """
        if len(self.values) > 1:
            error = math.sqrt(self.variance / len(self.values))
        else:
            error = self.stderr if self.stderr is not None else 0.0
        return error if math.isfinite(error) and error > 0 else None

    @cached_property
    def variance(self) -> float:
        """Of a single run, as its own runs show it; 0 when they do not."""
        if len(set(self.values)) == 1:
            return 0.0  # and not what rounding makes of it
        away = [value - self.mean for value in self.values]
        return math.fsum(gap * gap for gap in away) / (len(away) - 1)


def apart(one: Entrant, other: Entrant) -> bool:
    """True when noise does not explain the difference of the means. Never where no error is known.

    With repetitions on one side only, that side's spread stands for both.
    """
    gap = one.mean - other.mean
    if len(one.values) == len(other.values) == 1:
        if one.error is None or other.error is None:
            return False
        return abs(gap) >= _BEYOND * math.hypot(one.error, other.error)
    if not one.variance and not other.variance:
        return False
    left = (one.variance or other.variance) / len(one.values)
    right = (other.variance or one.variance) / len(other.values)
    return two_sided(gap / math.sqrt(left + right), _freedom(one, other)) <= RATE


def _freedom(one: Entrant, other: Entrant) -> float:
    """Welch and Satterthwaite's degrees of freedom; those of the side that knows its spread."""
    parts = [
        (side.variance / len(side.values), len(side.values) - 1)
        for side in (one, other)
        if side.variance
    ]
    if len(parts) == 1:
        return float(parts[0][1])
    # As shares of the sum, so that no square of a tiny variance is lost.
    whole = sum(part for part, _ in parts)
    return 1 / sum((part / whole) ** 2 / freedom for part, freedom in parts)
