"""Lines, marks and bars in their looks, and the legend that names them, by matplotlib."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from workers.figures.looks import LOOKS, PAPER, bar_width, in_order
from workers.figures.shapes import Bar, Figure, Line, Mark

# plotly's names of markers, as matplotlib calls them.
_MARKERS = {
    "circle": "o",
    "square": "s",
    "diamond": "D",
    "pentagon": "p",
    "star": "*",
    "x": "X",
    "cross": "P",
    "triangle-up": "^",
    "triangle-down": "v",
    "line-ns": "|",
}


def draw_line(axes: Axes, line: Line) -> None:
    """One curve, with gaps where it has no value."""
    look = LOOKS[line.look]
    values = [float("nan") if y is None else y for y in line.y]
    axes.plot(
        line.x,
        values,
        color=look.colour,
        linewidth=look.width,
        linestyle=(0, (4, 2)) if look.dash else "-",
        alpha=0.85,
        zorder=3 if look.width > 1.5 else 2,
    )


def draw_marks(axes: Axes, name: str, marks: Sequence[Mark]) -> None:
    """All marks of a look."""
    look = LOOKS[name]
    filled = name != "rug" and not look.hollow
    axes.plot(
        [mark.x for mark in marks],
        [mark.y for mark in marks],
        linestyle="none",
        marker=_MARKERS[look.symbol or "circle"],
        markersize=look.size * 0.8,
        markerfacecolor=look.colour if filled else PAPER,
        markeredgecolor=PAPER if filled else look.colour,
        markeredgewidth=0.6 if filled else 1.1,
        zorder=5 if name == "best" else 4,
    )


def draw_bars(axes: Axes, bars: Sequence[Bar]) -> None:
    """All bars, look by look."""
    for name in in_order(bar.look for bar in bars):
        mine = [bar for bar in bars if bar.look == name]
        axes.bar(
            [bar.x for bar in mine],
            [bar.size for bar in mine],
            bottom=[bar.start for bar in mine],
            width=bar_width(bar.x for bar in bars),
            color=LOOKS[name].colour,
        )


def draw_legend(axes: Axes, figure: Figure) -> None:
    """Above the axes: every look of the figure, as it is drawn there."""
    handles: list[Line2D | Patch] = []
    drawn = {mark.look for panel in figure.panels for mark in panel.marks}
    lines = {line.look for panel in figure.panels for line in panel.lines if line.is_line}
    for name in in_order(figure.looks()):
        look = LOOKS[name]
        if name not in drawn | lines:
            handles.append(Patch(color=look.colour, label=look.label))
            continue
        filled = name != "rug" and not look.hollow
        handles.append(
            Line2D(
                [],
                [],
                color=look.colour,
                linestyle="none" if name not in lines else ("--" if look.dash else "-"),
                linewidth=look.width,
                marker=_MARKERS[look.symbol or "circle"] if name in drawn else "none",
                markersize=min(9.0, look.size * 0.8),
                markerfacecolor=look.colour if filled else PAPER,
                markeredgecolor=look.colour,
                label=look.label,
            )
        )
    if handles:
        axes.legend(
            handles=handles,
            loc="lower left",
            bbox_to_anchor=(0.0, 1.0),
            ncols=5,
            columnspacing=1.4,
            frameon=False,
            fontsize=8.5,
        )
