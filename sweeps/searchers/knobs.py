"""The space as a model sees it: knobs with positions on a scale, to and from configurations.

A listed axis of numbers is ordered, each value one step from the next, whatever they are: 32 lies
between 16 and 64, and the user's list is the user's scale. A model that knows the order needs fewer
trials, and CMA-ES knows nothing else. All other lists (words, booleans, mixed ones) have no order,
and neither have `paired` rows, which are one knob.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from sweeps.space import Axis, Choice, Condition, Range, Space, holds
from sweeps.trial import Params, ParamValue

PAIRED = "paired"  # no axis can have this name
Kind = Literal["float", "log", "int", "steps", "words"]


@dataclass(frozen=True)
class Knob:
    """One thing to choose, from `low` to `high`, both included.

    `float`, `log` and `int` are ranges: a position is the value itself. `steps` (in order) and
    `words` (no order) are lists: a position is an index into `cells`, what each one sets.
    """

    name: str
    kind: Kind
    low: float
    high: float
    cells: tuple[Params, ...] = ()
    when: Condition | None = None
    # Where each cell stands, by `_mark`; 1 and 1.0 are one value, 1 and true are two.
    places: dict[tuple[tuple[str, bool, ParamValue], ...], int] = field(default_factory=dict)

    @property
    def single(self) -> bool:
        """True when there is nothing to choose."""
        return self.low == self.high

    def sets(self, position: float) -> Params:
        """What the position puts into a configuration."""
        if self.cells:
            return self.cells[int(position)]
        return {self.name: int(position) if self.kind == "int" else float(position)}

    def position(self, cell: Params) -> float | int | None:
        """Where the knob stands in a configuration, None when it has no part in it."""
        if not self.cells:
            value = cell.get(self.name)
            return value if isinstance(value, int | float) else None
        names = self.cells[0]
        if not names.keys() <= cell.keys():
            return None
        return self.places.get(_mark({name: cell[name] for name in names}))

    def unit(self, position: float) -> float:
        """The position on its scale, 0 at `low` and 1 at `high`."""
        if self.single:
            return 0.0
        if self.kind == "log":
            return math.log(position / self.low) / math.log(self.high / self.low)
        return (position - self.low) / (self.high - self.low)


def knobs_of(space: Space) -> list[Knob]:
    """The knobs of a space, each after those that its `when` asks about."""
    waiting = [_knob(name, axis) for name, axis in space.axes.items()]
    if space.paired:
        waiting.insert(0, _list(PAIRED, "words", list(space.paired), None))
    found: list[Knob] = []
    known: set[str] = set()
    while waiting:
        # Conditions have no cycles (sweeps.checks); should they, the rest comes as written.
        ready = [knob for knob in waiting if not _needs(knob) & _names(waiting)] or waiting
        found += ready
        known |= _names(ready)
        waiting = [knob for knob in waiting if not _names([knob]) <= known]
    return found


def build(knobs: list[Knob], names: list[str], pick: Callable[[Knob], float]) -> Params:
    """The configuration of the positions that `pick` gives, in the order of `names`. It is asked
    in turn, and only for knobs whose `when` holds by what was picked before."""
    cell: Params = {}
    for knob in knobs:
        if knob.when is None or holds(knob.when, cell):
            cell |= knob.sets(knob.low if knob.single else pick(knob))
    return {name: cell[name] for name in names if name in cell}


def positions(knobs: list[Knob], cell: Params) -> Iterator[tuple[Knob, float | int]]:
    """Where the knobs with a choice stand in a configuration; those without a part left out."""
    for knob in knobs:
        if not knob.single and (position := knob.position(cell)) is not None:
            yield knob, position


def distance(knobs: list[Knob], one: Params, other: Params) -> float:
    """How far apart two configurations are: for each knob the part of its scale between them, 1
    for another word and for a knob that only one of them has."""
    ours = {knob.name: place for knob, place in positions(knobs, one)}
    theirs = {knob.name: place for knob, place in positions(knobs, other)}
    total = 0.0
    for knob in knobs:
        mine, its = ours.get(knob.name), theirs.get(knob.name)
        if mine is None or its is None:
            total += mine is not its
        elif knob.kind == "words":
            total += mine != its
        else:
            total += abs(knob.unit(mine) - knob.unit(its))
    return total


def ordered(axis: Axis) -> bool:
    """True for an axis of numbers with a choice among them: its values have an order."""
    if isinstance(axis, Range):
        return True
    return len(axis.values) > 1 and not any(isinstance(v, bool | str) for v in axis.values)


def _knob(name: str, axis: Axis) -> Knob:
    if isinstance(axis, Choice):
        rows: list[Params] = [{name: value} for value in axis.values]
        if not ordered(axis):
            return _list(name, "words", rows, axis.when)
        rows.sort(key=lambda row: float(row[name]))
        return _list(name, "steps", rows, axis.when)
    kinds: dict[str, Kind] = {"uniform": "float", "log_uniform_values": "log"}
    kind = kinds.get(axis.distribution, "int")
    return Knob(name, kind, axis.min, axis.max, when=axis.when)


def _list(name: str, kind: Kind, rows: list[Params], when: Condition | None) -> Knob:
    places = {_mark(row): index for index, row in reversed(list(enumerate(rows)))}
    return Knob(name, kind, 0, len(rows) - 1, tuple(rows), when, places)


def _mark(row: Params) -> tuple[tuple[str, bool, ParamValue], ...]:
    return tuple((name, isinstance(value, bool), value) for name, value in sorted(row.items()))


def _needs(knob: Knob) -> set[str]:
    return set(knob.when or ())


def _names(knobs: list[Knob]) -> set[str]:
    """The parameters that some knobs set."""
    return {name for knob in knobs for name in (knob.cells[0] if knob.cells else [knob.name])}
