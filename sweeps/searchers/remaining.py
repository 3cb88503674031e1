"""What is left to ask: configurations that can run, are not excluded and were not asked before."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from sweeps.cells import devices_of, refusal
from sweeps.points import Stage
from sweeps.space import MAX_CELLS, Axis, Choice, Range, Space, draw, excluded, grid, size
from sweeps.spec import SweepSpec
from sweeps.trial import Params, ParamValue

# How many draws may be refused, or were asked before, until a draw is given up.
TRIES = 1000

Key = tuple[tuple[str, str], ...]


def key(cell: Params) -> Key:
    """Equal for equal configurations only: 1, 1.0 and true are three values."""
    return tuple(sorted((name, repr(value)) for name, value in cell.items()))


def keys(cells: Iterable[Params]) -> set[Key]:
    """The keys of some configurations."""
    return {key(cell) for cell in cells}


class Remaining:
    """Knows the space of one sweep at one horizon (samples); what was asked it is told each time.

    `cells` are all configurations that can run, None for a space that cannot be listed: one with
    a continuous axis, or of more than MAX_CELLS combinations.
    """

    def __init__(self, spec: SweepSpec, horizon: int, stages: Sequence[Stage] = ()) -> None:
        self.space, self._recipe = spec.spec.parameters, spec.spec.workload.recipe
        self._horizon, self._devices, self._stages = horizon, devices_of(spec), stages
        whole = _listed(self.space)
        self.cells: list[Params] | None = None
        if whole is not None:
            self.cells = [cell for cell in grid(whole) if self._runs(cell)]

    def fits(self, cell: Params, before: set[Key]) -> bool:
        """True when `cell` may be asked after those of `before`."""
        return key(cell) not in before and not excluded(self.space, cell) and self._runs(cell)

    def left(self, before: set[Key]) -> list[Params]:
        """The cells of a finite space that were not asked, in grid order; [] for all others."""
        return [cell for cell in self.cells or [] if key(cell) not in before]

    def exhausted(self, before: list[Params]) -> bool:
        """True when a finite space is used up. A continuous one has no last configuration."""
        if self.cells is None or len(before) < len(self.cells):
            return False
        return not self.left(keys(before))

    def drawn(self, rng: np.random.Generator, before: set[Key]) -> Params | None:
        """A random configuration that fits: of TRIES draws, else of the cells left. None when
        there is none."""
        for _ in range(TRIES):
            cell = draw(self.space, rng)
            if cell is None:
                break
            if self.fits(cell, before):
                return cell
        # Nearly used up: choose among what is left of a finite space.
        left = self.left(before)
        return left[int(rng.integers(len(left)))] if left else None

    def choices(self, rng: np.random.Generator, before: set[Key]) -> list[Params]:
        """Up to TRIES configurations that fit: all that are left of a small finite space, random
        ones of any other."""
        if self.cells is not None and len(self.cells) <= TRIES:
            return self.left(before)
        found = []
        for _ in range(TRIES):
            cell = draw(self.space, rng)
            if cell is None:
                break
            if self.fits(cell, before):
                found.append(cell)
        return found or self.left(before)[:TRIES]

    def _runs(self, cell: Params) -> bool:
        why = refusal(cell, self._horizon, self._devices, self._stages, self._recipe)
        return why is None


def _listed(space: Space) -> Space | None:
    """The space with whole-number ranges written out; None when it cannot be listed."""
    counts = []
    for axis in space.axes.values():
        if isinstance(axis, Range):
            if axis.distribution != "int_uniform":
                return None
            counts.append(int(axis.max) - int(axis.min) + 1)
    if math.prod(counts) > MAX_CELLS:
        return None
    axes = {name: _written_out(axis) for name, axis in space.axes.items()}
    whole = Space(axes=axes, paired=space.paired, exclude=space.exclude)
    return whole if size(whole) <= MAX_CELLS else None


def _written_out(axis: Axis) -> Axis:
    if isinstance(axis, Choice):
        return axis
    numbers: list[ParamValue] = list(range(int(axis.min), int(axis.max) + 1))
    # Not checked again: a list that a user writes is shorter.
    return Choice.model_construct(values=numbers, when=axis.when)
