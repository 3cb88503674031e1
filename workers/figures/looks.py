"""Colours and shapes, the same in all figures. The colour-blind tell the hues apart (Okabe and Ito,
2008, and one violet); whatever counts differs in shape, width or dashes too."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

INK, PAPER, HATCH = "#222222", "#ffffff", "#9a9a9a"
# The colours of heat maps from worst to best: even steps of lightness, blue to yellow.
SCALE = ("#00224e", "#35456c", "#666970", "#948e77", "#c8b866", "#fee838")
# More bars than this lie side by side: gaps between them would be thinner than a pixel.
MOST_APART = 60


@dataclass(frozen=True)
class Look:
    """How one kind of thing is drawn. `symbol` is plotly's name of a marker; None: a line or bar
    only. `width` is a line's, in points; `size` a marker's."""

    label: str
    colour: str
    symbol: str | None = None
    width: float = 1.0
    dash: bool = False
    size: float = 8.0
    hollow: bool = False


# In the order of the legend. Lines are drawn in this order too: the best comes last.
LOOKS: dict[str, Look] = {
    "stopped": Look("stopped early", "#999999", "circle", 0.9, size=6),
    "failed": Look("failed", "#000000", "circle", 0.9, dash=True, size=6),
    "going": Look("not ended", "#56B4E9", "circle", 0.9, size=6),
    "finished": Look("finished", "#0072B2", "circle", 1.2, size=7),
    "audited": Look("condemned, ran on (audit)", "#CC79A7", "diamond", 1.6, size=10),
    "base": Look("base model", "#009E73", "square", 2.0, dash=True, size=9),
    "preset": Look("preset", "#E69F00", "square", 2.0, dash=True, size=9),
    "confirm": Look("confirmation", "#332288", "pentagon", 1.4, dash=True, size=9),
    "best": Look("best trial", "#D55E00", "star", 2.6, size=15),
    "again": Look("run twice after a loss", "#F0E442"),
    "verdict": Look("judged, went on", INK, "circle", size=5, hollow=True),
    "pause": Look("parked", INK, "square", size=8, hollow=True),
    "stop": Look("stopped", INK, "x", size=8),
    "broken": Look("broken or failed", "#D55E00", "cross", size=9),
    "not_finite": Look("no finite number", "#D55E00", "triangle-down", size=9),
    "audit": Look("audit begins", "#CC79A7", "diamond", size=10),
    "revive": Look("revived", "#009E73", "triangle-up", size=10),
    "rug": Look("no final, early value only", "#999999", "line-ns", size=12),
}


def in_order(names: Iterable[str]) -> list[str]:
    """The distinct names, as the legend has them."""
    found = set(names)
    return [name for name in LOOKS if name in found]


def bar_width(places: Iterable[float]) -> float:
    """The width of bars at these places, which are 1 apart."""
    return 0.8 if len(set(places)) <= MOST_APART else 1.0


def scale_of(less_is_better: bool) -> tuple[str, ...]:
    """The colours of heat maps from the least value to the greatest."""
    return SCALE[::-1] if less_is_better else SCALE
