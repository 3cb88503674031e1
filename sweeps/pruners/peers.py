"""Whom a verdict names: were it every peer, a journal would grow with the square of the trials."""

from __future__ import annotations

import math
from collections.abc import Iterable

# At most so many peers are named; how many there were is told beside them.
NAMED = 20


def nearest(peers: Iterable[tuple[int, float]], mine: float) -> list[int]:
    """Of (number, score) the numbers of the NAMED whose scores are nearest to `mine`, rising. Of
    equally near ones the lower numbers; a distance that is not a number is the farthest."""

    def away(peer: tuple[int, float]) -> tuple[float, int]:
        number, score = peer
        distance = 0.0 if score == mine else abs(score - mine)
        return (math.inf if math.isnan(distance) else distance, number)

    return sorted(number for number, _ in sorted(peers, key=away)[:NAMED])
