from __future__ import annotations

from workers.figures.plotly_sheet import plain
from workers.figures.shapes import Axis, Cell, Figure, Panel


def test_a_cell_without_a_value_is_hatched_and_not_coloured() -> None:
    axis = Axis("x", ticks=((0.0, "a"), (1.0, "b")))
    cells = (Cell(0, 0, 1.0, "1", ""), Cell(1, 0, None, "9\nat 10%", ""))
    traces = plain(Figure("f", "t", (Panel(axis, Axis("y"), cells=cells),)))["data"]
    hatched, coloured, words = traces
    assert hatched["fillpattern"]["shape"] == "/"
    assert coloured["z"] == [[1.0, None]]
    assert words["text"] == ["9<br>at 10%"]
