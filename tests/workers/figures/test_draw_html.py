from __future__ import annotations

import base64
import gzip
import json
import re
from typing import Any

import pytest
from figure_stories import every_fate, many
from plotly.offline import get_plotlyjs

from workers.figures.draw_html import draw_html
from workers.figures.gallery import gallery
from workers.figures.shapes import Axis, Cell, Figure, Mark, Panel

LARGEST = 3_000_000


def embedded(page: str, name: str) -> str:
    found = re.search(rf'<script type="[^"]*" id="{name}">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return found[1]


def facts(figure: dict[str, Any]) -> set[tuple[float, float]]:
    """Every point that a page draws, bars by place and top."""
    found: set[tuple[float, float]] = set()
    for trace in figure["data"]:
        if trace["type"] == "heatmap":
            for row, values in enumerate(trace["z"]):
                found |= {(c, row) for c, value in enumerate(values) if value is not None}
        elif trace.get("fill") != "toself":
            base = trace.get("base") or [0] * len(trace["x"])
            pairs = zip(trace["x"], trace["y"], base, strict=True)
            found |= {(x, y + b) for x, y, b in pairs if x is not None and y is not None}
    return found


def rows(figure: Figure) -> set[tuple[float, float]]:
    """The same, of the rows."""
    found: set[tuple[float, float]] = set()
    for panel in figure.panels:
        found |= {(cell.column, cell.row) for cell in panel.cells}
        found |= {(mark.x, mark.y) for mark in panel.marks}
        found |= {(bar.x, bar.size + bar.start) for bar in panel.bars}
        for line in panel.lines:
            found |= {(x, y) for x, y in zip(line.x, line.y, strict=True) if y is not None}
    return found


@pytest.mark.parametrize("make", [every_fate, lambda: many(1000)])
def test_the_page_holds_the_rows_and_no_others(make) -> None:  # type: ignore[no-untyped-def]
    figures = gallery(*make())
    page = draw_html("a sweep", figures)
    found = json.loads(embedded(page, "figures"))
    assert list(found) == [figure.name for figure in figures]
    for figure in figures:
        assert facts(found[figure.name]) == rows(figure), figure.name
    assert len(page) < LARGEST


def test_plotly_is_in_the_page_once_and_nothing_is_fetched() -> None:
    page = draw_html("a sweep", gallery(*every_fate()))
    packed = base64.b64decode(embedded(page, "plotly"))
    assert gzip.decompress(packed).decode() == get_plotlyjs()
    assert not re.search(r"<(script|link|img)[^>]*(src|href)=", page)


def test_the_same_story_gives_the_same_page() -> None:
    first, second = (draw_html("a sweep", gallery(*every_fate())) for _ in range(2))
    assert first == second


def test_words_of_users_end_no_element() -> None:
    words = "</script><img src=x onerror=alert(1)>"
    axis = Axis(words, ticks=((0.0, words),))
    cells = (Cell(0, 0, 1.0, words, words), Cell(1, 0, None, words, words))
    panel = Panel(axis, axis, cells=cells, marks=(Mark("stop", 0, 0, words),), scale=words)
    page = draw_html(words, [Figure("f", words, (panel,), (words,))])
    assert "<img" not in page
    text = json.dumps(json.loads(embedded(page, "figures")))
    assert "<img" not in text, "plotly reads HTML in its texts"
    assert "&lt;img" in text


def test_a_figure_without_panels_says_why_it_is_empty() -> None:
    page = draw_html("a sweep", [Figure("heat", "Heat", notes=("No parameter differs.",))])
    assert "<p>No parameter differs.</p>" in page
    assert json.loads(embedded(page, "figures")) == {}
