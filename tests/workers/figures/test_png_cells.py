from __future__ import annotations

from matplotlib.colors import to_rgba
from matplotlib.figure import Figure as Sheet

from workers.figures.looks import INK, PAPER, SCALE
from workers.figures.png_cells import draw_cells
from workers.figures.shapes import Axis, Cell, Panel

AXIS = Axis("x", ticks=((0.0, "a"), (1.0, "b"), (2.0, "c")))


def drawn(*cells: Cell) -> Sheet:
    """A sheet with the panel of these cells, less being better."""
    sheet = Sheet()
    draw_cells(sheet.subplots(), Panel(AXIS, Axis("y"), cells=cells, scale="loss"))
    return sheet


def test_the_best_is_bright_with_dark_words_and_the_worst_dark_with_bright_ones() -> None:
    sheet = drawn(Cell(0, 0, 1.0, "good", ""), Cell(1, 0, 2.0, "bad", ""))
    axes, scale = sheet.axes
    best, _, worst, _ = axes.patches
    assert (best.get_facecolor(), worst.get_facecolor()) == (to_rgba(SCALE[-1]), to_rgba(SCALE[0]))
    assert [(t.get_text(), t.get_color()) for t in axes.texts] == [("good", INK), ("bad", PAPER)]
    assert scale.get_ylabel() == "loss"


def test_without_values_all_is_hatched_and_there_is_no_scale() -> None:
    (axes,) = drawn(Cell(0, 0, None, "9\nat 10%", "")).axes
    assert [patch.get_hatch() for patch in axes.patches] == ["////", None]
    assert axes.patches[0].get_facecolor() == to_rgba(PAPER)
