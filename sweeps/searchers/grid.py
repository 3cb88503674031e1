"""Grid search: every cell, in the order written."""

from __future__ import annotations

from sweeps.cells import cell_faults, devices_of, finite_cells, refusal
from sweeps.errors import SpecError
from sweeps.journal import Asked, Story
from sweeps.searchers.base import asked, searched
from sweeps.spec import SweepSpec


class GridSearcher:
    """The first `budget.trials` cells of the grid, or all of them."""

    def __init__(self, spec: SweepSpec, horizon: int) -> None:
        """Raises SpecError for cells that cannot run: with a horizon in epochs they come to light
        only once the data is counted, and a grid with silent holes is not the one asked for."""
        cells, devices = finite_cells(spec) or [], devices_of(spec)
        refused = [(cell, why) for cell in cells if (why := refusal(cell, horizon, devices))]
        if refused:
            raise SpecError(cell_faults(refused))
        self._cells, self._seed = cells[: spec.spec.budget.trials], spec.spec.seed

    def ask(self, story: Story) -> Asked | None:
        """The cell after those searched so far."""
        index = len(searched(story))
        return asked(story, self._cells[index], self._seed) if index < len(self._cells) else None
