"""A figure's rows as plotly's data and layout."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from workers.figures.looks import INK, LOOKS, PAPER, bar_width, in_order
from workers.figures.plotly_cells import cell_traces
from workers.figures.plotly_text import escaped, wrapped
from workers.figures.shapes import Axis, Bar, Figure, Line, Mark, Panel

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
    body = 130 + 62 * figure.cell_rows if figure.cell_rows else 440
    return 110 + (290 if len(figure.panels) > 1 else body) * len(figure.panels)


def _traces(panel: Panel) -> Iterator[Any]:
    if panel.cells:
        yield from cell_traces(panel)
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
        words += [*map(wrapped, line.words), ""]
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
        text=[wrapped(mark.words) for mark in marks],
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
        text=[wrapped(bar.words) for bar in bars],
        textposition="none",
        hoverinfo="text",
        width=bar_width(bar.x for bar in every),
        name=look.label,
        legendgroup=name,
        marker={"color": look.colour, "line": {"width": 0}},
    )


def _lay_out(sheet: Any, panel: Panel, row: int, named: bool) -> None:
    sheet.update_xaxes(row=row, col=1, **_axis(panel.x, named, bool(panel.cells)))
    sheet.update_yaxes(row=row, col=1, **_axis(panel.y, True, bool(panel.cells)))
    if panel.cells:
        sheet.update_xaxes(row=row, col=1, range=[-0.5, max(len(panel.x.ticks), 1) - 0.5])
        sheet.update_yaxes(row=row, col=1, range=[-0.5, max(len(panel.y.ticks), 1) - 0.5])
    if panel.bars:
        sheet.update_yaxes(row=row, col=1, range=[0, panel.bars_top])
    for rule in panel.rules:
        sheet.add_hline(
            y=rule.y,
            row=row,
            col=1,
            line={"color": INK, "width": 1, "dash": "dash"},
            annotation={"text": escaped(rule.words), "font": {"size": 11}},
            annotation_position="top right",
        )


def _axis(axis: Axis, named: bool, cells: bool) -> dict[str, Any]:
    settings: dict[str, Any] = {"automargin": True}
    if named:
        settings["title"] = {"text": escaped(axis.title)}
    if axis.log:
        # Without a format plotly writes 20 as a small "2" above the 10.
        settings |= {"type": "log", "dtick": "D2", "tickformat": "~g"}
    elif axis.ticks:
        settings |= {
            "tickvals": [place for place, _ in axis.ticks],
            "ticktext": [escaped(word) for _, word in axis.ticks],
        }
    if cells:
        settings |= {"showgrid": False, "zeroline": False}
    return settings
