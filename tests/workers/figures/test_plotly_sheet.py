from __future__ import annotations

from figure_stories import every_fate

from workers.figures.gallery import gallery
from workers.figures.plotly_sheet import MOST_APART, plain
from workers.figures.shapes import Axis, Bar, Cell, Figure, Mark, Panel


def test_a_legend_names_every_look_once() -> None:
    for figure in gallery(*every_fate()):
        shown = [t["name"] for t in plain(figure)["data"] if t.get("showlegend") and "name" in t]
        assert len(shown) == len(set(shown)) == len(set(figure.looks()))


def test_a_log_axis_has_whole_numbers_and_a_linear_one_is_left_alone() -> None:
    panel = Panel(Axis("x"), Axis("y", log=True), marks=(Mark("stop", 1.0, 20.0, ""),))
    layout = plain(Figure("f", "t", (panel,)))["layout"]
    assert (layout["yaxis"]["type"], layout["yaxis"]["tickformat"]) == ("log", "~g")
    assert "type" not in layout["xaxis"]


def test_many_bars_leave_no_gaps() -> None:
    for count, width in ((MOST_APART, 0.8), (MOST_APART + 1, 1.0)):
        bars = tuple(Bar("stopped", float(place), 0.0, 50.0, "") for place in range(count))
        figure = Figure("f", "t", (Panel(Axis("x"), Axis("y"), bars=bars),))
        assert plain(figure)["data"][0]["width"] == width


def test_a_cell_without_a_value_is_hatched_and_not_coloured() -> None:
    axis = Axis("x", ticks=((0.0, "a"), (1.0, "b")))
    cells = (Cell(0, 0, 1.0, "1", ""), Cell(1, 0, None, "9\nat 10%", ""))
    traces = plain(Figure("f", "t", (Panel(axis, Axis("y"), cells=cells),)))["data"]
    hatched, coloured, words = traces
    assert hatched["fillpattern"]["shape"] == "/"
    assert coloured["z"] == [[1.0, None]]
    assert words["text"] == ["9<br>at 10%"]
