"""What a figure shows, as plain rows: made without drawing, drawn twice (HTML and PNG)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Axis:
    """One axis: its words with the unit; `ticks` are (place, word) where places are no numbers."""

    title: str
    log: bool = False
    ticks: tuple[tuple[float, str], ...] = ()


@dataclass(frozen=True)
class Line:
    """One trial's curve. `y` is None where there is no finite value: a gap. `words` are one a
    point. Looks are names in `looks.LOOKS`."""

    look: str
    x: tuple[float, ...]
    y: tuple[float | None, ...]
    words: tuple[str, ...]

    @property
    def is_line(self) -> bool:
        """False for a single value, which is shown as a mark."""
        return sum(y is not None for y in self.y) > 1


@dataclass(frozen=True)
class Mark:
    """One point."""

    look: str
    x: float
    y: float
    words: str


@dataclass(frozen=True)
class Bar:
    """A vertical bar at `x` from `start`, `size` high."""

    look: str
    x: float
    start: float
    size: float
    words: str


@dataclass(frozen=True)
class Cell:
    """One field of a heat map, counted from 0 at the lower left. `value` is coloured; with None the
    field is hatched: `label` says what is known."""

    column: int
    row: int
    value: float | None
    label: str
    words: str


@dataclass(frozen=True)
class Rule:
    """A horizontal line across the panel with a word on it."""

    y: float
    words: str


@dataclass(frozen=True)
class Panel:
    """One pair of axes and what lies in it. `scale` names the colours of cells; `less_is_better`
    is how their colours run."""

    x: Axis
    y: Axis
    lines: tuple[Line, ...] = ()
    marks: tuple[Mark, ...] = ()
    bars: tuple[Bar, ...] = ()
    cells: tuple[Cell, ...] = ()
    rules: tuple[Rule, ...] = ()
    scale: str = ""
    less_is_better: bool = True

    @property
    def bars_top(self) -> float:
        """Where an axis of bars in percent ends: with room above 100 for the words of a rule."""
        return max(110.0, 1.05 * max(bar.start + bar.size for bar in self.bars))


@dataclass(frozen=True)
class Figure:
    """A figure: panels one below the other, a title that says what is seen, notes for what cannot
    be seen. `name` is its file's. Without panels there is nothing to draw, and `notes` say why."""

    name: str
    title: str
    panels: tuple[Panel, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def cell_rows(self) -> int:
        """Rows of its largest heat map, 0 without one."""
        return max((cell.row + 1 for panel in self.panels for cell in panel.cells), default=0)

    def looks(self) -> Iterator[str]:
        """The look of everything in it, with repetitions."""
        for panel in self.panels:
            yield from (line.look for line in panel.lines if line.is_line)
            yield from (mark.look for mark in panel.marks)
            yield from (bar.look for bar in panel.bars)
