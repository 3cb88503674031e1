"""A figure's rows as a PNG, by matplotlib's Agg: no display, no browser."""

from __future__ import annotations

import io
import textwrap

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Sheet
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from PIL import Image

from workers.figures.looks import HATCH, INK, in_order
from workers.figures.png_cells import draw_cells
from workers.figures.png_marks import draw_bars, draw_legend, draw_line, draw_marks
from workers.figures.shapes import Axis, Figure, Panel

DPI = 110
WIDTH_INCHES = 10.0
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
        draw_legend(axes[0, 0], figure)
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
    body = 1.2 + 0.62 * figure.cell_rows if figure.cell_rows else 4.2
    each = 2.7 if len(figure.panels) > 1 else body
    return 1.5 + each * len(figure.panels) + 0.15 * len(figure.notes)


def _draw(axes: Axes, panel: Panel, last: bool) -> None:
    if panel.cells:
        draw_cells(axes, panel)
    for line in panel.lines:
        draw_line(axes, line)
    draw_bars(axes, panel.bars)
    for look in in_order(mark.look for mark in panel.marks):
        draw_marks(axes, look, [mark for mark in panel.marks if mark.look == look])
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
        axes.set_ylim(0, panel.bars_top)
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
