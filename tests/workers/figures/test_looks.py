from __future__ import annotations

from workers.figures.looks import LOOKS, in_order


def test_looks_come_in_the_order_of_the_legend_each_once() -> None:
    assert in_order(["rug", "best", "stopped", "rug"]) == ["stopped", "best", "rug"]


def test_marks_are_told_apart_without_colour() -> None:
    marks = ("verdict", "pause", "stop", "revive", "audit", "broken", "not_finite", "rug")
    assert len({(LOOKS[name].symbol, LOOKS[name].hollow) for name in marks}) == len(marks)
