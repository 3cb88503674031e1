"""The fields of a heat map, by matplotlib."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.patches import Rectangle

from workers.figures.looks import INK, PAPER, scale_of
from workers.figures.shapes import Cell, Panel


def draw_cells(axes: Axes, panel: Panel) -> None:
    """The cells of a panel in colour, with their scale; those without a value hatched."""
    scale = LinearSegmentedColormap.from_list("best", scale_of(panel.less_is_better))
    values = [cell.value for cell in panel.cells if cell.value is not None]
    norm = Normalize(min(values, default=0.0), max(values, default=1.0))
    wide = max(len(panel.x.ticks), 1)
    for cell in panel.cells:
        _cell(axes, cell, None if cell.value is None else scale(norm(cell.value)), wide)
    axes.set_xlim(-0.5, wide - 0.5)
    axes.set_ylim(-0.5, max(len(panel.y.ticks), 1) - 0.5)
    axes.grid(visible=False)
    if values:
        bar = axes.figure.colorbar(
            ScalarMappable(norm, scale), ax=axes, label=panel.scale, pad=0.01
        )
        bar.outline.set_visible(False)


def _cell(
    axes: Axes, cell: Cell, colour: tuple[float, float, float, float] | None, wide: int
) -> None:
    corner = (cell.column - 0.5, cell.row - 0.5)
    hatch = None if colour else "////"
    axes.add_patch(Rectangle(corner, 1, 1, facecolor=colour or PAPER, hatch=hatch))
    # The gap between cells, over the hatching.
    axes.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor=PAPER, linewidth=2.0))
    dark = (
        colour is not None
        and sum(c * w for c, w in zip(colour, (0.3, 0.59, 0.11), strict=False)) < 0.5
    )
    words = axes.text(
        cell.column,
        cell.row,
        cell.label,
        ha="center",
        va="center",
        color=PAPER if dark else INK,
        fontsize=9 if wide <= 8 else 7,
    )
    if colour is None:
        words.set_bbox({"facecolor": PAPER, "edgecolor": "none", "pad": 1.0})
