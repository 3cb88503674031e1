"""Compute against regret, one panel for each data set, one labelled point for each policy."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.pruners.targets import OURS, Point

mpl.use("Agg")

# Colour and marker by library; colours stay apart for most forms of colour blindness.
LOOK = {
    "sweepctl": ("#0b5fa5", "o"),
    "ray_tune": ("#d55e00", "s"),
    "optuna": ("#007a5a", "^"),
    "same code as ours": ("#7a7a7a", "D"),
}
COLUMNS, WIDTH, HEIGHT = 2, 8.2, 6.0
TICKS = (0, 0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0)


def draw(points: Mapping[str, Sequence[Point]], path: Path, note: str) -> Path:
    """One PNG. Left and down is better: less compute, less regret."""
    columns = min(COLUMNS, max(1, len(points)))
    rows = max(1, math.ceil(len(points) / columns))
    figure = Figure(figsize=(columns * WIDTH, rows * HEIGHT + 0.5), dpi=100, layout="constrained")
    panels: Any = figure.subplots(rows, columns, squeeze=False)
    for axes, (case, these) in zip(panels.flat, points.items(), strict=False):
        _panel(axes, case, these)
    for axes in panels.flat[len(points) :]:
        axes.set_visible(False)
    figure.suptitle(note, fontsize=11)
    named = {
        label: handle
        for axes in panels.flat
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    # Below the panels: inside one it would hide points.
    figure.legend(named.values(), named.keys(), loc="outside lower center", ncols=len(LOOK))
    # Where a point lies in pixels is only known after a first layout.
    figure.draw_without_rendering()
    for axes, these in zip(panels.flat, points.values(), strict=False):
        _labels(axes, these)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi="figure")
    return path


def _panel(axes: Axes, case: str, points: Sequence[Point]) -> None:
    top = max((point.regret for point in points), default=0.0)
    # A root, so that small regrets come apart and 0 has a place.
    axes.set_yscale("function", functions=(_root, _square))
    top = max(0.02, top * 1.15)
    axes.set_ylim(-top * 0.006, top)
    axes.set_yticks([tick for tick in TICKS if tick < top])
    axes.yaxis.set_major_formatter("{x:g}")
    axes.set_xlim(0, 1.02)
    axes.axhline(0.02, color="#bbbbbb", linewidth=0.8, linestyle=":")
    axes.set_title(case)
    axes.set_xlabel("compute, as a share of running everything")
    axes.set_ylabel("mean normalised regret (root scale)")
    axes.grid(color="#eeeeee")
    axes.set_axisbelow(True)
    mine = sorted(
        (point for point in points if point.kind == OURS), key=lambda point: point.compute
    )
    color, _ = LOOK[OURS]
    axes.plot([p.compute for p in mine], [p.regret for p in mine], color=color, linewidth=2)
    for library, (shade, marker) in LOOK.items():
        these = [point for point in points if point.library == library]
        if these:
            axes.plot(
                [p.compute for p in these],
                [p.regret for p in these],
                linestyle="none",
                marker=marker,
                color=shade,
                markersize=6,
                label="early_dynamics, by risk" if library == OURS else library.replace("_", " "),
            )


def _root(value: Any) -> Any:
    return np.sign(value) * np.sqrt(np.abs(value))


def _square(value: Any) -> Any:
    return np.sign(value) * np.square(value)


def _labels(axes: Axes, points: Sequence[Point]) -> None:
    """Each label at the nearest free place around its point, the crowded ones on a thin line."""
    transform = axes.transData.transform
    spots = [np.asarray(transform((point.compute, point.regret))) for point in points]
    box = axes.get_window_extent()
    taken = [(x - 5.0, y - 5.0, x + 5.0, y + 5.0) for x, y in spots]
    taken += _along([spot for point, spot in zip(points, spots, strict=True) if point.kind == OURS])
    for point, (x, y) in zip(points, spots, strict=True):
        text = f"risk {point.risk:g}" if point.kind == OURS else point.policy
        width, height = 6.0 * len(text) + 4, 13.0
        left, low = _free(x, y, width, height, taken, (box.x0, box.y0, box.x1, box.y1))
        taken.append((left, low, left + width, low + height))
        far = math.hypot(left + width / 2 - x, low + height / 2 - y) > width / 2 + 14
        label = axes.annotate(
            text,
            xy=(point.compute, point.regret),
            xytext=(left - x, low - y),
            textcoords="offset pixels",
            fontsize=8,
            color=LOOK[point.library][0],
            fontweight="bold" if point.kind == OURS else "normal",
            arrowprops={"arrowstyle": "-", "color": "#999999", "linewidth": 0.6} if far else None,
        )
        label.set_in_layout(False)


Box = tuple[float, float, float, float]


def _along(spots: Sequence[Any]) -> list[Box]:
    """Small boxes along the line through these points."""
    ends = sorted((tuple(spot) for spot in spots), key=lambda spot: spot[0])
    places = [
        np.asarray(one) + share * (np.asarray(two) - np.asarray(one))
        for one, two in pairwise(ends)
        for share in np.linspace(0, 1, 25)
    ]
    return [(x - 1.0, y - 1.0, x + 1.0, y + 1.0) for x, y in places]


def _free(
    x: float, y: float, width: float, height: float, taken: Sequence[Box], inside: Box
) -> tuple[float, float]:
    """The lower left corner of the free place that is nearest, of rings around the point."""
    places = []
    for far in np.arange(8.0, 220.0, 7.0):
        for angle in np.linspace(0, 2 * math.pi, 24, endpoint=False):
            side, rise = math.cos(angle), math.sin(angle)
            middle = x + side * (far + width / 2), y + rise * (far + height / 2)
            places.append((middle[0] - width / 2, middle[1] - height / 2))
    for left, low in places:
        box = (left, low, left + width, low + height)
        if (
            left >= inside[0]
            and low >= inside[1]
            and box[2] <= inside[2]
            and box[3] <= inside[3]
            and not any(_over(box, other) for other in taken)
        ):
            return left, low
    return places[0]


def _over(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
