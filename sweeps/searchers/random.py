"""Random search: independent draws, each seeded by its own number."""

from __future__ import annotations

from collections.abc import Sequence

from sweeps.journal import Asked, Story
from sweeps.points import Stage
from sweeps.searchers.base import asked, searched, trial_budget
from sweeps.searchers.remaining import Remaining, keys
from sweeps.seeds import generator
from sweeps.spec import SweepSpec


class RandomSearcher:
    """`budget.trials` draws. Draw n depends on the sweep's seed, n and what was asked before.

    Excluded cells, cells that cannot run, and configurations already asked are drawn again: the
    same configuration with the same seed would repeat the same run. A finite space that is used
    up ends the search early.
    """

    def __init__(self, spec: SweepSpec, horizon: int, stages: Sequence[Stage] = ()) -> None:
        self._spec, self._seed = spec, spec.spec.seed
        self._remaining = Remaining(spec, horizon, stages)

    def ask(self, story: Story) -> Asked | None:
        """The next draw, or None after `budget.trials` of them."""
        before = searched(story)
        if len(before) >= (trial_budget(self._spec, story) or 0):
            return None
        rng = generator(self._seed, "random-search", len(before))
        params = self._remaining.drawn(rng, keys(before))
        return None if params is None else asked(story, params, self._seed)

    def exhausted(self, story: Story) -> bool:
        """True after `budget.trials` draws, or when a finite space is used up."""
        before = searched(story)
        spent = len(before) >= (trial_budget(self._spec, story) or 0)
        return spent or self._remaining.exhausted(before)
