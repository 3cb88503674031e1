"""A figure's rows as plotly's data and layout."""

from __future__ import annotations

import html
import json
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from workers.figures.looks import HATCH, INK, LOOKS, PAPER, SCALE, in_order
from workers.figures.shapes import Axis, Bar, Cell, Figure, Line, Mark, Panel

# More bars than this lie side by side: gaps between them would be thinner than a pixel.
MOST_APART = 60
FONT = "system-ui, -apple-system, 'Segoe UI', sans-serif"


def plain(figure: Figure) -> dict[str, Any]:
    """plotly's data and layout of a figure, as plain lists and dicts."""
    sheet = make_subplots(
        rows=len(figure.panels), cols=1, shared_xaxes=len(figure.panels) > 1, vertical_spacing=0.05
    )
    told: set[str] = set()
    for row, panel in enumerate(figure.panels, start=1):
        for trace in _traces(panel):
            group = trace.legendgroup
            if group is not None:
                trace.showlegend = group not in told
                told.add(group)
            sheet.add_trace(trace, row=row, col=1)
        _lay_out(sheet, panel, row, named=row == len(figure.panels))
    sheet.update_layout(
        template="plotly_white",
        height=_height(figure),
        font={"family": FONT, "size": 12, "color": INK},
        margin={"l": 70, "r": 50, "t": 20, "b": 60},
        # Across, it would lie over the legend.
        modebar={"orientation": "v"},
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0, "traceorder": "normal"},
        hovermode="closest",
        hoverlabel={"align": "left", "bgcolor": PAPER},
        barmode="overlay",
    )
    found: dict[str, Any] = json.loads(sheet.to_json(validate=False) or "{}")
    # The template's own defaults for chart kinds that are not here are most of the bytes.
    kept = {"layout": found["layout"]["template"]["layout"]}
    found["layout"]["template"] = kept
    return {"data": found["data"], "layout": found["layout"]}


def _height(figure: Figure) -> int:
    rows = max((cell.row for panel in figure.panels for cell in panel.cells), default=None)
    body = 440 if rows is None else 130 + 62 * (rows + 1)
    return 110 + (290 if len(figure.panels) > 1 else body) * len(figure.panels)


def _traces(panel: Panel) -> Iterator[Any]:
    if panel.cells:
        yield from _cells(panel)
    lines = [line for line in panel.lines if line.is_line]
    for name in in_order(line.look for line in lines):
        yield _lines(name, [line for line in lines if line.look == name])
    for name in in_order(bar.look for bar in panel.bars):
        yield _bars(name, panel.bars)
    for name in in_order(mark.look for mark in panel.marks):
        yield _marks(name, [mark for mark in panel.marks if mark.look == name])


def _lines(name: str, lines: Sequence[Line]) -> Any:
    """All lines of a look as one trace, with a gap between two: 150 traces are slow."""
    look = LOOKS[name]
    x, y, words = list[float | None](), list[float | None](), list[str]()
    for line in lines:
        x += [*line.x, None]
        y += [*line.y, None]
        words += [*map(_wrapped, line.words), ""]
    return go.Scatter(
        x=x,
        y=y,
        text=words,
        mode="lines",
        hoverinfo="text",
        name=look.label,
        legendgroup=name,
        line={
            "color": look.colour,
            "width": look.width * 1.3,
            "dash": "dash" if look.dash else "solid",
        },
        opacity=0.85,
    )


def _marks(name: str, marks: Sequence[Mark]) -> Any:
    look = LOOKS[name]
    thin = name == "rug"
    symbol = f"{look.symbol or 'circle'}{'-open' if look.hollow or thin else ''}"
    return go.Scatter(
        x=[mark.x for mark in marks],
        y=[mark.y for mark in marks],
        text=[_wrapped(mark.words) for mark in marks],
        mode="markers",
        hoverinfo="text",
        name=look.label,
        legendgroup=name,
        marker={
            "symbol": symbol,
            "size": look.size,
            "color": look.colour,
            "line": {
                "width": 1.3 if thin or look.hollow else 0.7,
                "color": look.colour if thin or look.hollow else PAPER,
            },
        },
    )


def _bars(name: str, every: Sequence[Bar]) -> Any:
    look, bars = LOOKS[name], [bar for bar in every if bar.look == name]
    return go.Bar(
        x=[bar.x for bar in bars],
        y=[bar.size for bar in bars],
        base=[bar.start for bar in bars],
        text=[_wrapped(bar.words) for bar in bars],
        textposition="none",
        hoverinfo="text",
        width=0.8 if len({bar.x for bar in every}) <= MOST_APART else 1.0,
        name=look.label,
        legendgroup=name,
        marker={"color": look.colour, "line": {"width": 0}},
    )


def _cells(panel: Panel) -> Iterator[Any]:
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
            text=[_broken(cell.label) for cell in open_cells],
            hovertext=[_wrapped(cell.words) for cell in open_cells],
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
    colours = SCALE[::-1] if panel.less_is_better else SCALE
    wide, high = max(len(panel.x.ticks), 1), max(len(panel.y.ticks), 1)
    at = {(cell.row, cell.column): cell for cell in cells}
    grid = [[at.get((row, column)) for column in range(wide)] for row in range(high)]
    return go.Heatmap(
        x=list(range(wide)),
        y=list(range(high)),
        z=[[cell.value if cell else None for cell in row] for row in grid],
        text=[[_broken(cell.label) if cell else "" for cell in row] for row in grid],
        hovertext=[[_wrapped(cell.words) if cell else "" for cell in row] for row in grid],
        texttemplate="%{text}",
        hoverinfo="text",
        hoverongaps=False,
        xgap=2,
        ygap=2,
        colorscale=[[i / (len(colours) - 1), colour] for i, colour in enumerate(colours)],
        colorbar={"title": {"text": _escaped(panel.scale), "side": "right"}, "outlinewidth": 0},
    )


def _lay_out(sheet: Any, panel: Panel, row: int, named: bool) -> None:
    sheet.update_xaxes(row=row, col=1, **_axis(panel.x, named, bool(panel.cells)))
    sheet.update_yaxes(row=row, col=1, **_axis(panel.y, True, bool(panel.cells)))
    if panel.cells:
        sheet.update_xaxes(row=row, col=1, range=[-0.5, max(len(panel.x.ticks), 1) - 0.5])
        sheet.update_yaxes(row=row, col=1, range=[-0.5, max(len(panel.y.ticks), 1) - 0.5])
    if panel.bars:
        top = max(110.0, 1.05 * max(bar.start + bar.size for bar in panel.bars))
        sheet.update_yaxes(row=row, col=1, range=[0, top])
    for rule in panel.rules:
        sheet.add_hline(
            y=rule.y,
            row=row,
            col=1,
            line={"color": INK, "width": 1, "dash": "dash"},
            annotation={"text": _escaped(rule.words), "font": {"size": 11}},
            annotation_position="top right",
        )


def _axis(axis: Axis, named: bool, cells: bool) -> dict[str, Any]:
    settings: dict[str, Any] = {"automargin": True}
    if named:
        settings["title"] = {"text": _escaped(axis.title)}
    if axis.log:
        # Without a format plotly writes 20 as a small "2" above the 10.
        settings |= {"type": "log", "dtick": "D2", "tickformat": "~g"}
    elif axis.ticks:
        settings |= {
            "tickvals": [place for place, _ in axis.ticks],
            "ticktext": [_escaped(word) for _, word in axis.ticks],
        }
    if cells:
        settings |= {"showgrid": False, "zeroline": False}
    return settings


def _wrapped(words: str) -> str:
    return "<br>".join(map(_escaped, textwrap.wrap(words, 90)))


def _broken(label: str) -> str:
    return "<br>".join(map(_escaped, label.split("\n")))


def _escaped(text: str) -> str:
    """plotly reads a little HTML in every text."""
    return html.escape(text, quote=False)
