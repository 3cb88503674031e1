"""What a searcher is: a pure function from the story so far to the next configuration."""

from __future__ import annotations

from typing import Protocol

from sweeps.journal import Asked, Story
from sweeps.spec import SweepSpec
from sweeps.trial import Params, Role


class Searcher(Protocol):
    """Asked once for every trial. Equal stories get equal answers, in every process."""

    def ask(self, story: Story) -> Asked | None:
        """The next trial, numbered len(story.trials), or None when there is nothing left to try.

        Must not change `story` or remember anything of it; it is asked again after a crash.
        """
        ...

    def exhausted(self, story: Story) -> bool:
        """True when `ask` would give None now. Cheap: drivers ask once a second."""
        ...


def trial_budget(spec: SweepSpec, story: Story) -> int | None:
    """How many search trials there may be: as a user last set it, else as the spec says."""
    return story.budget_trials if story.budget_trials is not None else spec.spec.budget.trials


def asked(story: Story, params: Params, seed: int) -> Asked:
    """The next entry for `params`. A parameter named `seed` overrides the sweep's seed."""
    return Asked(trial=len(story.trials), params=params, seed=int(params.get("seed", seed)))


def searched(story: Story) -> list[Params]:
    """The configurations searched so far, in order; base, preset and confirm runs left out."""
    trials = (record.trial for record in story.trials.values())
    return [trial.params for trial in trials if trial.role is Role.SEARCH]
