from __future__ import annotations

from figure_stories import every_fate

from workers.figures.gallery import gallery
from workers.figures.looks import MOST_APART
from workers.figures.plotly_sheet import plain
from workers.figures.shapes import Axis, Bar, Figure, Mark, Panel


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
