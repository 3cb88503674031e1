from __future__ import annotations

import io

import pytest
from figure_stories import at, every_fate, many
from PIL import Image
from stories import Script, make_spec

from workers.figures.draw_png import DPI, WIDTH_INCHES, draw_png
from workers.figures.gallery import gallery
from workers.figures.looks import LOOKS
from workers.figures.shapes import Axis, Cell, Figure, Mark, Panel

LARGEST = 300_000


def colours(png: bytes) -> set[tuple[int, ...]]:
    """Colours of the picture."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    found = picture.getcolors(1 << 24)
    assert found is not None
    return {colour for _, colour in found}  # type: ignore[misc]


def has(found: set[tuple[int, ...]], look: str) -> bool:
    """Its palette may be a few steps off."""
    wanted = [int(LOOKS[look].colour[i : i + 2], 16) for i in (1, 3, 5)]
    return any(
        all(abs(a - b) < 12 for a, b in zip(colour, wanted, strict=True)) for colour in found
    )


@pytest.mark.parametrize("make", [every_fate, lambda: many(1000)])
def test_every_figure_opens_and_is_small(make) -> None:  # type: ignore[no-untyped-def]
    for figure in gallery(*make()):
        png = draw_png(figure)
        assert len(png) < LARGEST, figure.name
        picture = Image.open(io.BytesIO(png))
        picture.load()
        assert picture.format == "PNG"
        assert picture.width == WIDTH_INCHES * DPI
        assert len(colours(png)) > 5, figure.name


def test_the_best_trial_and_the_audit_can_be_seen() -> None:
    curves, _, early, compute = gallery(*every_fate())
    for figure in (curves, early, compute):
        found = colours(draw_png(figure))
        assert has(found, "best"), figure.name
        assert has(found, "audited"), figure.name
        assert not has(found, "preset") or figure.name != "early"


def test_words_of_users_are_no_formulas() -> None:
    words = "$\\frac{1$ </b>"
    axis = Axis(words, ticks=((0.0, words),))
    cells = (Cell(0, 0, 1.0, words, words), Cell(1, 0, None, words, words))
    panel = Panel(axis, axis, cells=cells, marks=(Mark("stop", 0, 0, words),), scale=words)
    assert draw_png(Figure("f", words, (panel,), (words,)))


def test_values_as_far_apart_as_floats_go() -> None:
    for values in ([1e308, -1e308, 1.0], [5e-324, 1e308, 1.0], [3.4e38, 1e-38, 1.0], [0.0] * 3):
        script = Script()
        for value in values:
            number = script.ask(learning_rate=0.1 + len(script.entries))
            for point in (2, 10):
                script.say(number, at(point, value, abs(value)))
            script.end(number)
        for figure in gallery(make_spec(), script.story):
            assert not figure.panels or draw_png(figure)


def test_one_value_and_equal_values_have_an_axis() -> None:
    for log in (False, True):
        marks = (Mark("finished", 1.0, 2.0, ""), Mark("finished", 1.0, 2.0, ""))
        panel = Panel(Axis("x", log=log), Axis("y", log=log), marks=marks)
        assert draw_png(Figure("f", "t", (panel,)))
