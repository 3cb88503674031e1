"""The ladder of a verdict: guards first, then the pruner, never across cohorts."""

from __future__ import annotations

from sweeps.cohort import MIN_MEMBERS, cohort
from sweeps.journal import Story
from sweeps.pruners.base import Pruner, run_of
from sweeps.pruners.guards import judge as guard
from sweeps.spec import SweepSpec
from sweeps.trial import GO_ON, Report, Role, Verdict


def verdict(spec: SweepSpec, pruner: Pruner, story: Story, number: int, report: Report) -> Verdict:
    """The verdict on a report that `story` does not hold yet. Pure.

    Guards judge every trial at every point. The pruner judges search trials before their last
    point, outside their own warmup, in cohorts of at least MIN_MEMBERS.
    """
    record = story.trials[number]
    run = run_of(spec, story, record.trial.params)
    broken = guard(record.trial.params, record.reports, report, run)
    if broken is not None:
        return broken
    if report.point >= run.points or record.trial.role is not Role.SEARCH:
        return GO_ON
    if not run.past_warmup(report.point):
        return GO_ON
    waits = getattr(pruner, "waits", False)  # it parks the first to come, and condemns nobody
    if not waits and len(cohort(spec, story, record.trial)) + 1 < MIN_MEMBERS:
        return GO_ON
    return pruner.judge(story, number, report)
