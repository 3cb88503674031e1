"""Random search: independent draws, each seeded by its own number."""

from __future__ import annotations

from sweeps.cells import devices_of, finite_cells, refusal
from sweeps.journal import Asked, Story
from sweeps.searchers.base import asked, searched, trial_budget
from sweeps.seeds import generator
from sweeps.space import draw
from sweeps.spec import SweepSpec
from sweeps.trial import Params

TRIES = 1000


class RandomSearcher:
    """`budget.trials` draws. Draw n depends on the sweep's seed, n and what was asked before.

    Excluded cells, cells that cannot run, and configurations already asked are drawn again: the
    same configuration with the same seed would repeat the same run. A finite space that is used
    up ends the search early.
    """

    def __init__(self, spec: SweepSpec, horizon: int) -> None:
        self._space, self._seed = spec.spec.parameters, spec.spec.seed
        self._spec = spec
        self._horizon, self._devices = horizon, devices_of(spec)
        self._cells = finite_cells(spec)

    def ask(self, story: Story) -> Asked | None:
        """The next draw, or None after `budget.trials` of them."""
        before = searched(story)
        if len(before) >= (trial_budget(self._spec, story) or 0):
            return None
        params = self._draw(len(before), before)
        return None if params is None else asked(story, params, self._seed)

    def exhausted(self, story: Story) -> bool:
        """True after `budget.trials` draws, or when a finite space is used up."""
        before = searched(story)
        if len(before) >= (trial_budget(self._spec, story) or 0):
            return True
        # A continuous space has no last configuration; what cannot be drawn is found by drawing.
        return self._cells is not None and not any(self._fits(c, before) for c in self._cells)

    def _draw(self, number: int, before: list[Params]) -> Params | None:
        rng = generator(self._seed, "random-search", number)
        for _ in range(TRIES):
            cell = draw(self._space, rng)
            if cell is None:
                break
            if self._fits(cell, before):
                return cell
        # Nearly used up: choose among what is left of a finite space.
        left = [cell for cell in self._cells or [] if self._fits(cell, before)]
        return left[int(rng.integers(len(left)))] if left else None

    def _fits(self, cell: Params, before: list[Params]) -> bool:
        return refusal(cell, self._horizon, self._devices) is None and cell not in before
