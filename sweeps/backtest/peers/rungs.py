"""The rungs of the peers: where a trial is compared."""

from __future__ import annotations

from collections.abc import Mapping

from sweeps.journal import Story
from sweeps.metric import value_at
from sweeps.pruners.base import run_of
from sweeps.spec import SweepSpec
from sweeps.trial import Report, Trial


def at_rung(
    spec: SweepSpec, story: Story, trial: Trial, reports: Mapping[int, Report], mark: int
) -> Report | None:
    """A trial's first report at or after `mark` that has the sweep's metric, past its own warmup.

    None while there is none. The last point is no rung, nor is a guard's report.
    """
    run = run_of(spec, story, trial.params)
    for point in range(mark, spec.spec.report.points):
        report = reports.get(point)
        if report is None or report.guard is not None or not run.past_warmup(point):
            continue
        if value_at(report, spec.spec.metric.name) is not None:
            return report
    return None
