"""A signal along a run as one line of blocks, one column for each stretch of the horizon."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_BLOCKS, _ASCII = "▁▂▃▄▅▆▇█", "_.:-=+*#"
# What stands where the signal was not a finite number.
_LOST, _ASCII_LOST = "×", "x"
# Few wild values must not press all the others into one row.
_COVERED = 0.95


@dataclass(frozen=True)
class Scale:
    """From the lowest row to the highest one; what lies outside is drawn at the edge."""

    low: float
    high: float
    log: bool = False

    def level(self, value: float, rows: int) -> int:
        """0 ... rows - 1."""
        low, high, at = (self._turned(one) for one in (self.low, self.high, value))
        if at <= low or high <= low:
            return 0
        if at >= high:
            return rows - 1
        # The sliver keeps a value that lies on the edge of two rows out of the lower one.
        return min(rows - 1, int((at - low) / (high - low) * rows + 1e-9))

    def _turned(self, value: float) -> float:
        if not self.log:
            # By half, so that the distance of two floats is a float.
            return value / 2
        return math.log10(value) if value > 0 else -math.inf


def scale_of(values: Iterable[float], log: bool = False) -> Scale | None:
    """The scale that the finite values share; None when there are none.

    It ends at the 95th percentile. A log scale starts at the least positive value: zero is drawn
    at its lower edge.
    """
    found = sorted(one for one in values if math.isfinite(one) and (one > 0 or not log))
    if not found:
        return None
    return Scale(found[0], found[math.ceil(_COVERED * len(found)) - 1], log)


def spark(
    values: Mapping[int, float], points: int, width: int, scale: Scale | None, plain: bool = False
) -> str:
    """`values` by decision point (1 ... points) in `width` columns or fewer.

    A column shows the last value of its stretch, or the mark for one that is not finite; it is
    blank where nothing was measured. `plain` is ASCII.
    """
    rows, lost = (_ASCII, _ASCII_LOST) if plain else (_BLOCKS, _LOST)
    columns = min(width, points)
    drawn = [" "] * columns
    for point, value in sorted(values.items()):
        at = min(columns - 1, (point - 1) * columns // points)
        if not math.isfinite(value):
            drawn[at] = lost
        elif drawn[at] != lost:
            drawn[at] = rows[scale.level(value, len(rows))] if scale else rows[0]
    return "".join(drawn)
