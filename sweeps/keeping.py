"""Which trials keep their checkpoints: a pure function of the spec and the story."""

from __future__ import annotations

from sweeps.journal import Story
from sweeps.lifecycle import TrialState
from sweeps.ranking import rank
from sweeps.spec import SweepSpec
from sweeps.trial import Role

# FAILED is one of them: a user may retry it.
_MAY_GO_ON = frozenset({TrialState.PENDING, TrialState.PAUSED, TrialState.FAILED})


def best_finished(spec: SweepSpec, story: Story) -> list[int]:
    """The `checkpoints.keep_best` best finished trials, best first. One that is not among them
    now never will be: later trials can only push others out."""
    records = [record for _, record in sorted(story.trials.items())]
    search = [record for record in records if record.trial.role is Role.SEARCH]
    return [row.trial for row in rank(spec, search)[: spec.spec.checkpoints.keep_best]]


def kept(spec: SweepSpec, story: Story, *, cancelled: bool) -> set[int]:
    """The trials whose checkpoints stay: the best, those that run, and those that may go on, which
    none may once the sweep is `cancelled`. The checkpoints of all others can go for good."""
    onward = {TrialState.RUNNING} if cancelled else _MAY_GO_ON | {TrialState.RUNNING}
    going = {number for number, record in story.trials.items() if record.state in onward}
    return going | set(best_finished(spec, story))
