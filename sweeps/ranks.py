"""Ranks, and how far two orders agree. Without numpy: the service computes results with it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

# Below this many pairs a rank correlation says nothing.
MIN_PAIRS = 4


def ranks(values: Sequence[float]) -> list[float]:
    """1 for the least; equal ones share the mean of their places. No value may be NaN."""
    order = sorted(range(len(values)), key=values.__getitem__)
    found, start = [0.0] * len(values), 0
    while start < len(order):
        end = start
        while end < len(order) and values[order[end]] == values[order[start]]:
            end += 1
        for place in order[start:end]:
            found[place] = (start + 1 + end) / 2
        start = end
    return found


def rank_agreement(pairs: Iterable[tuple[float, float]]) -> float | None:
    """Spearman's rank correlation, ties sharing their mean rank; None below MIN_PAIRS pairs, and
    when all of one side are equal."""
    found = list(pairs)
    if len(found) < MIN_PAIRS:
        return None
    left, right = (ranks(side) for side in zip(*found, strict=True))
    middle = (len(found) + 1) / 2
    spread = [sum((rank - middle) ** 2 for rank in side) for side in (left, right)]
    if 0 in spread:
        return None
    both = sum((a - middle) * (b - middle) for a, b in zip(left, right, strict=True))
    return both / math.sqrt(spread[0] * spread[1])
