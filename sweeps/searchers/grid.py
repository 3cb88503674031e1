"""Grid search: every cell, in the order written."""

from __future__ import annotations

from collections.abc import Sequence

from sweeps.cells import cell_faults, devices_of, finite_cells, refusal
from sweeps.errors import SpecError
from sweeps.journal import Asked, Story
from sweeps.points import Stage
from sweeps.searchers.base import asked, searched, trial_budget
from sweeps.spec import SweepSpec


class GridSearcher:
    """The first `budget.trials` cells of the grid, or all of them."""

    def __init__(self, spec: SweepSpec, horizon: int, stages: Sequence[Stage] = ()) -> None:
        """Raises SpecError for cells that cannot run: with a horizon in epochs they come to light
        only once the data is counted, and a grid with silent holes is not the one asked for."""
        cells, devices = finite_cells(spec) or [], devices_of(spec)
        recipe = spec.spec.workload.recipe
        told = ((cell, refusal(cell, horizon, devices, stages, recipe)) for cell in cells)
        refused = [(cell, why) for cell, why in told if why]
        if refused:
            raise SpecError(cell_faults(refused))
        self._cells, self._spec = cells, spec

    def ask(self, story: Story) -> Asked | None:
        """The cell after those searched so far."""
        index = len(searched(story))
        if self.exhausted(story):
            return None
        return asked(story, self._cells[index], self._spec.spec.seed)

    def exhausted(self, story: Story) -> bool:
        """True after the last cell, or `budget.trials` of them."""
        limit = trial_budget(self._spec, story)
        return len(searched(story)) >= min(len(self._cells), limit or len(self._cells))
