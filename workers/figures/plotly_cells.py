"""The fields of a heat map as plotly's traces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import plotly.graph_objects as go

from workers.figures.looks import HATCH, PAPER, scale_of
from workers.figures.plotly_text import broken, escaped, wrapped
from workers.figures.shapes import Cell, Panel


def cell_traces(panel: Panel) -> Iterator[Any]:
    """Hatching, colours and labels, one above the other."""
    done = [cell for cell in panel.cells if cell.value is not None]
    open_cells = [cell for cell in panel.cells if cell.value is None]
    if open_cells:
        yield _hatched(open_cells)
    if done:
        yield _coloured(panel, done)
    if open_cells:
        yield go.Scatter(
            x=[cell.column for cell in open_cells],
            y=[cell.row for cell in open_cells],
            text=[broken(cell.label) for cell in open_cells],
            hovertext=[wrapped(cell.words) for cell in open_cells],
            mode="text",
            hoverinfo="text",
            showlegend=False,
        )


def _hatched(cells: Sequence[Cell]) -> Any:
    x, y = list[float | None](), list[float | None]()
    for cell in cells:
        left, right = cell.column - 0.48, cell.column + 0.48
        low, high = cell.row - 0.46, cell.row + 0.46
        x += [left, right, right, left, left, None]
        y += [low, low, high, high, low, None]
    return go.Scatter(
        x=x,
        y=y,
        mode="lines",
        fill="toself",
        fillpattern={"shape": "/", "fgcolor": HATCH, "bgcolor": PAPER, "size": 9, "solidity": 0.12},
        line={"color": HATCH, "width": 0.7},
        hoverinfo="skip",
        showlegend=False,
    )


def _coloured(panel: Panel, cells: Sequence[Cell]) -> Any:
    colours = scale_of(panel.less_is_better)
    wide, high = max(len(panel.x.ticks), 1), max(len(panel.y.ticks), 1)
    at = {(cell.row, cell.column): cell for cell in cells}
    grid = [[at.get((row, column)) for column in range(wide)] for row in range(high)]
    return go.Heatmap(
        x=list(range(wide)),
        y=list(range(high)),
        z=[[cell.value if cell else None for cell in row] for row in grid],
        text=[[broken(cell.label) if cell else "" for cell in row] for row in grid],
        hovertext=[[wrapped(cell.words) if cell else "" for cell in row] for row in grid],
        texttemplate="%{text}",
        hoverinfo="text",
        hoverongaps=False,
        xgap=2,
        ygap=2,
        colorscale=[[i / (len(colours) - 1), colour] for i, colour in enumerate(colours)],
        colorbar={"title": {"text": escaped(panel.scale), "side": "right"}, "outlinewidth": 0},
    )
