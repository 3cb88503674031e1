"""A figure's rows as a PNG, by matplotlib's Agg: no display, no browser."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure as Sheet
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from PIL import Image

from workers.figures.looks import HATCH, INK, LOOKS, PAPER, SCALE, in_order
from workers.figures.shapes import Axis, Bar, Cell, Figure, Line, Mark, Panel

DPI = 110
# More bars than this lie side by side: gaps between them would be thinner than a pixel.
MOST_APART = 60
WIDTH_INCHES = 10.0
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
_STYLE = {
    "font.size": 9.0,
    "axes.edgecolor": "#888888",
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "hatch.linewidth": 0.6,
    "hatch.color": HATCH,
    # Names of users are no formulas.
    "text.parse_math": False,
}


def draw_png(figure: Figure) -> bytes:
    """The PNG of a figure that has panels."""
    with rc_context(_STYLE):  # type: ignore[arg-type]
        sheet = Sheet(figsize=(WIDTH_INCHES, _height(figure)), dpi=DPI, layout="constrained")
        canvas = FigureCanvasAgg(sheet)
        sheet.suptitle(textwrap.fill(figure.title, 95), fontsize=12, x=0.01, ha="left")
        axes = sheet.subplots(len(figure.panels), 1, squeeze=False, sharex=len(figure.panels) > 1)
        for place, panel in enumerate(figure.panels):
            _draw(axes[place, 0], panel, last=place == len(figure.panels) - 1)
        _legend(axes[0, 0], figure)
        notes = "\n".join(textwrap.fill(note, 135) for note in figure.notes)
        sheet.supxlabel(notes, fontsize=8, x=0.01, ha="left", color="#555555")
        out = io.BytesIO()
        # Colours of a palette: a third of the bytes.
        canvas.draw()  # type: ignore[no-untyped-call]
        _palette(canvas).save(out, format="PNG", optimize=True)
        return out.getvalue()


def _palette(canvas: FigureCanvasAgg) -> Image.Image:
    pixels = bytes(canvas.buffer_rgba())  # type: ignore[no-untyped-call]
    picture = Image.frombytes("RGBA", canvas.get_width_height(), pixels)
    return picture.convert("RGB").quantize(256)


def _height(figure: Figure) -> float:
    rows = max((cell.row for panel in figure.panels for cell in panel.cells), default=None)
    body = 4.2 if rows is None else 1.2 + 0.62 * (rows + 1)
    each = 2.7 if len(figure.panels) > 1 else body
    return 1.5 + each * len(figure.panels) + 0.15 * len(figure.notes)


def _draw(axes: Axes, panel: Panel, last: bool) -> None:
    if panel.cells:
        _cells(axes, panel)
    for line in panel.lines:
        _line(axes, line)
    _bars(axes, panel.bars)
    for look in in_order(mark.look for mark in panel.marks):
        _marks(axes, look, [mark for mark in panel.marks if mark.look == look])
    for rule in panel.rules:
        axes.axhline(rule.y, color=INK, linewidth=1.0, linestyle=(0, (4, 3)))
        axes.annotate(
            rule.words,
            (1.0, rule.y),
            xycoords=("axes fraction", "data"),
            xytext=(0, 3),
            textcoords="offset points",
            ha="right",
            fontsize=8,
        )
    if panel.bars:
        # Room for the rule's words, and no empty ground below zero.
        axes.set_ylim(0, max(110.0, 1.05 * max(bar.start + bar.size for bar in panel.bars)))
        axes.set_xlim(-0.7, max(bar.x for bar in panel.bars) + 0.7)
        axes.grid(visible=False, axis="x")
    _axis(axes, panel.x, "x", named=last)
    _axis(axes, panel.y, "y", named=True)


def _axis(axes: Axes, axis: Axis, which: str, named: bool) -> None:
    side = axes.xaxis if which == "x" else axes.yaxis
    if named:
        side.set_label_text(axis.title)
    if axis.log:
        axes.set(**{f"{which}scale": "log"})
        side.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=12))
        side.set_minor_formatter(NullFormatter())
        side.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    elif axis.ticks:
        side.set_ticks([place for place, _ in axis.ticks], labels=[word for _, word in axis.ticks])
        if which == "x" and (
            len(axis.ticks) > 25 or sum(len(word) for _, word in axis.ticks) > 110
        ):
            axes.tick_params(axis="x", labelrotation=60, labelsize=7)
    else:
        side.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))


def _line(axes: Axes, line: Line) -> None:
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


def _marks(axes: Axes, name: str, marks: Sequence[Mark]) -> None:
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


def _bars(axes: Axes, bars: Sequence[Bar]) -> None:
    for name in in_order(bar.look for bar in bars):
        mine = [bar for bar in bars if bar.look == name]
        axes.bar(
            [bar.x for bar in mine],
            [bar.size for bar in mine],
            bottom=[bar.start for bar in mine],
            width=0.8 if len({bar.x for bar in bars}) <= MOST_APART else 1.0,
            color=LOOKS[name].colour,
        )


def _cells(axes: Axes, panel: Panel) -> None:
    colours = SCALE if not panel.less_is_better else SCALE[::-1]
    scale = LinearSegmentedColormap.from_list("best", list(colours))
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


def _legend(axes: Axes, figure: Figure) -> None:
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
