from __future__ import annotations

from matplotlib.figure import Figure as Sheet
from matplotlib.lines import Line2D

from workers.figures.looks import LOOKS
from workers.figures.png_marks import draw_legend, draw_line
from workers.figures.shapes import Axis, Bar, Figure, Line, Mark, Panel


def test_a_gap_stays_a_gap() -> None:
    axes = Sheet().subplots()
    draw_line(axes, Line("finished", (1.0, 2.0, 3.0), (5.0, None, 7.0), ("", "", "")))
    (line,) = axes.lines
    assert [str(y) for y in line.get_ydata()] == ["5.0", "nan", "7.0"]


def test_the_legend_has_every_look_once_and_as_it_is_drawn() -> None:
    lines = tuple(Line("failed", (1.0, 2.0), (1.0, 2.0), ("", "")) for _ in range(2))
    panel = Panel(
        Axis("x"),
        Axis("y"),
        lines=lines,
        marks=(Mark("best", 1.0, 1.0, ""),),
        bars=(Bar("again", 1.0, 0.0, 5.0, ""),),
    )
    axes = Sheet().subplots()
    draw_legend(axes, Figure("f", "t", (panel,)))
    legend = axes.get_legend()
    assert legend is not None
    names = ["failed", "best", "again"]
    assert [text.get_text() for text in legend.get_texts()] == [LOOKS[n].label for n in names]
    handles = [handle for handle in legend.legend_handles if isinstance(handle, Line2D)]
    assert [(h.get_linestyle(), h.get_marker()) for h in handles] == [("--", "none"), ("None", "*")]


def test_where_nothing_has_a_look_there_is_no_legend() -> None:
    axes = Sheet().subplots()
    draw_legend(axes, Figure("f", "t", (Panel(Axis("x"), Axis("y")),)))
    assert axes.get_legend() is None
