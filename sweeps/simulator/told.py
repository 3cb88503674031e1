"""The reports of recorded runs, made once and told again to every sweep over them."""

from __future__ import annotations

from sweeps.points import RunPlan
from sweeps.simulator.recorded import Group, key_of
from sweeps.simulator.walk import Walk, Walking
from sweeps.trial import Report, Trial

Told = tuple[Report, ...]


class Retelling:
    """A run whose reports are known."""

    def __init__(self, reports: Told) -> None:
        self._rest = iter(reports)

    def next_report(self) -> Report | None:
        """Walking: the next of them."""
        return next(self._rest, None)


class Teller:
    """The runs of a group, each walked once, whatever the order of the trials and the pruner.

    A run depends on its configuration and the decision points alone. It is told up to its end, or
    to the first guard that trips: there every sweep stops it.
    """

    def __init__(self, group: Group, every_points: int = 1) -> None:
        self.group, self._every = group, every_points
        self._known: dict[tuple[str, int | None, int], Told] = {}

    def way(self, trial: Trial, plan: RunPlan) -> Walking:
        """The run of a trial, from its start. Raises CurvesError when there is none."""
        return Retelling(self.reports(trial, plan))

    def reports(self, trial: Trial, plan: RunPlan) -> Told:
        """All that the run of a trial reports when nothing but a guard stops it."""
        key = (*key_of(trial.params), plan.points)
        if key not in self._known:
            self._known[key] = _walked(Walk(self.group.of(trial, plan), plan, self._every))
        return self._known[key]


def _walked(walk: Walk) -> Told:
    found: list[Report] = []
    while (report := walk.next_report()) is not None:
        found.append(report)
        if report.guard is not None:
            break
    return tuple(found)
