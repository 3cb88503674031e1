"""Which trials keep their checkpoints: a pure function of the spec and the story."""

from __future__ import annotations

from sweeps.configurations import configurations
from sweeps.confirming import confirmed
from sweeps.journal import Story
from sweeps.lifecycle import TrialState
from sweeps.metric import cost
from sweeps.ranking import rank
from sweeps.spec import SweepSpec

# FAILED is one of them: a user may retry it.
_MAY_GO_ON = frozenset({TrialState.PENDING, TrialState.PAUSED, TrialState.FAILED})


def best_finished(spec: SweepSpec, story: Story) -> list[int]:
    """The `checkpoints.keep_best` best finished search trials, best first: by their own finals, or
    by the ranking once all finalists are confirmed.

    Before that nobody knows which finalist is best, so all of them stay. One that is not among
    these now never will be: later trials can only push others out.
    """
    records = [record for _, record in sorted(story.trials.items())]
    keep, confirm = spec.spec.checkpoints.keep_best, spec.spec.confirm
    if confirm is not None and confirmed(spec, story):
        return [row.trial for row in rank(spec, records)[:keep]]
    if confirm is not None and keep:
        keep = max(keep, confirm.top)
    found = [
        (cost(value, spec.spec.metric), trial.trial.number)
        for one in configurations(spec, records)
        for trial, value in zip(one.search, one.values, strict=True)
    ]
    return [number for _, number in sorted(found)[:keep]]


def kept(spec: SweepSpec, story: Story, *, cancelled: bool) -> set[int]:
    """The trials whose checkpoints stay: the best, those that run, and those that may go on, which
    none may once the sweep is `cancelled`. The checkpoints of all others can go for good."""
    onward = {TrialState.RUNNING} if cancelled else _MAY_GO_ON | {TrialState.RUNNING}
    going = {number for number, record in story.trials.items() if record.state in onward}
    return going | set(best_finished(spec, story))
