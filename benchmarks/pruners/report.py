"""What was measured as Markdown: a table for each data set, and what is asked of ours."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from os import cpu_count
from pathlib import Path

from benchmarks.output import Row, table
from benchmarks.pruners.targets import OURS, Line, Point

# The page's words, with places for what was measured.
PAGE = Path(__file__).with_name("page.md")
_HEAD = (
    "policy",
    "code",
    "compute",
    "regret",
    "kept within tolerance",
    "best kept",
    "time to result",
)
_MET = {True: "met", False: "**not met**", None: "told"}


def tables(points: Mapping[str, Sequence[Point]], sizes: Mapping[str, str]) -> str:
    """A heading and a table for each data set, by rising compute within each library."""
    parts = []
    for case, these in points.items():
        ranked = sorted(these, key=lambda point: (point.kind != OURS, point.library, point.compute))
        rows = [_cells(point) for point in ranked]
        parts.append(f"### {case}\n\n{sizes[case]}\n\n{table(_HEAD, rows)}")
    return "\n\n".join(parts)


def demands(lines: Sequence[Line]) -> str:
    """A table of what is asked, whether it was met, and the figures."""
    rows = [(line.demand, line.case, _MET[line.met], line.told) for line in lines]
    return table(("demand", "data set", "", "figures"), rows)


def rows(points: Mapping[str, Sequence[Point]], n: Mapping[str, int]) -> list[Row]:
    """The points in the form of every benchmark: the mean as `median`, its interval as min and max
    (the mean again where there is none); `n` is the number of workloads."""
    found = []
    for case, these in points.items():
        for point in these:
            subject = point.library if point.kind == OURS else point.policy
            where = case if point.risk is None else f"{case}, risk {point.risk:g}"
            for figure, value in _figures(point).items():
                low, high = (point.interval or {}).get(figure, (value, value))
                found.append(Row(figure, subject, where, value, low, high, n[case], "ratio"))
    return found


def page(body: str, asked: str, command: str, seconds: float, picture: str) -> str:
    """docs/pruning-benchmark.md."""
    day = datetime.now(UTC)
    machine = f"{cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    when = f"{day.day} {day:%B %Y}"
    return PAGE.read_text().format(
        body=body,
        asked=asked,
        command=command,
        seconds=f"{seconds:.0f}",
        picture=picture,
        when=when,
        machine=machine,
    )


def _figures(point: Point) -> dict[str, float]:
    return {
        "compute": point.compute,
        "regret": point.regret,
        "kept_within_tolerance": point.kept,
        "best_kept": point.best_kept,
        "time_to_result": point.time,
    }


def _cells(point: Point) -> list[str]:
    name = point.policy if point.risk is None else f"{point.policy}, risk {point.risk:g}"
    bounds = point.interval or {}
    cells = []
    for figure, value in _figures(point).items():
        digits = 3 if figure == "regret" else 2
        text = f"{value:.{digits}f}"
        if figure in bounds and figure in ("compute", "regret", "kept_within_tolerance"):
            low, high = bounds[figure]
            text += f" [{low:.{digits}f}, {high:.{digits}f}]"
        cells.append(text)
    return [name, point.library.replace("_", " "), *cells]
