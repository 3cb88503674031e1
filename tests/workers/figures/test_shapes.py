from __future__ import annotations

from workers.figures.shapes import Axis, Bar, Figure, Line, Mark, Panel


def test_one_value_is_no_line() -> None:
    assert not Line("best", (1, 2), (None, 2), ("", "")).is_line
    assert Line("best", (1, 2), (1, 2), ("", "")).is_line


def test_a_figure_tells_the_looks_of_all_its_parts() -> None:
    axis = Axis("x")
    first = Panel(
        axis,
        axis,
        lines=(Line("best", (1, 2), (1, 2), ("", "")),),
        bars=(Bar("again", 0, 0, 1, ""),),
    )
    second = Panel(axis, axis, marks=(Mark("stop", 0, 0, ""),))
    assert list(Figure("f", "t", (first, second)).looks()) == ["best", "again", "stop"]
