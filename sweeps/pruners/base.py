"""What a pruner is: a pure function from the story so far and one new report to a verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from sweeps.errors import JournalError
from sweeps.journal import Story
from sweeps.phases import stages_in
from sweeps.points import RunPlan, run_plan
from sweeps.spec import SweepSpec
from sweeps.trial import Params, Report, Verdict


class Pruner(Protocol):
    """Judges one report. Equal stories get equal verdicts, in every process."""

    def judge(self, story: Story, number: int, report: Report) -> Verdict:
        """The verdict on `report` of trial `number`; `story` does not hold the report yet.

        The guards have passed, the point is not the last one, and the cohort is large enough. A
        missing signal is no verdict (`GO_ON`). Every stop carries signal, value, cutoff, peers and
        a sentence. Must not change `story`, and of what it remembers no answer may depend.
        """
        ...

    def revive(self, story: Story, last: bool, more: bool) -> tuple[int, Verdict] | None:
        """The parked trial to bring back now, with the verdict (CONTINUE) that says why; or None.

        Asked when a slot is free, some trial is parked and none waits, before the searcher is.
        `more`: the searcher may still have new configurations, and is asked next when the answer is
        None. Should it have none after all, the question comes again with `more` False.
        `last`: nothing runs and nothing new will be asked; who is not revived now is stopped.
        Pure, as `judge` is.
        """
        ...


def parting(pruner: Pruner) -> Callable[[Story], Mapping[int, Verdict]]:
    """What the pruner says of the trials that are parked at the end, by number: its `part(story)`,
    a STOP for each. One without a `part` leaves the words to the conductor."""
    found: Callable[[Story], Mapping[int, Verdict]] = getattr(pruner, "part", lambda story: {})
    return found


class NeverRevives:
    """Base of pruners that park no trial."""

    def revive(self, story: Story, last: bool, more: bool) -> tuple[int, Verdict] | None:
        """None: nothing is parked."""
        return None


def horizon_of(spec: SweepSpec, story: Story) -> int:
    """Samples of one run, as the first driver found it. Raises JournalError when nobody has."""
    if story.prepared is not None:
        return story.prepared.horizon_samples
    if spec.spec.horizon.samples is not None:
        return spec.spec.horizon.samples
    raise JournalError("the journal has no `prepared` entry, so the horizon is not known")


def run_of(spec: SweepSpec, story: Story, params: Params) -> RunPlan:
    """The run of one configuration in this sweep."""
    horizon, points = horizon_of(spec, story), spec.spec.report.points
    return run_plan(params, horizon, points, stages_in(spec, story))
