"""One run on its way from decision point to decision point, as `workers.recipes.context` goes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sweeps.points import RunPlan
from sweeps.pruners.guards import step_guard
from sweeps.reporting import Due, due
from sweeps.simulator.curves import Curve, LossUnknown, Silence, with_end
from sweeps.trial import NOTHING_SEEN, Report, StepRecord, Window
from sweeps.windows import make_window


class Walking(Protocol):
    """A run on its way."""

    def next_report(self) -> Report | None:
        """Run on to the next report; None at the end."""
        ...


class Walk:
    """A run and how far it is. Kept while its trial is parked: it resumes exactly there."""

    def __init__(self, curve: Curve, plan: RunPlan, every_points: int) -> None:
        self._curve, self._plan, self._every = curve, plan, every_points
        self._marks = with_end(curve.marks())
        self._steps: list[StepRecord] = []
        self._point = 0

    def next_report(self) -> Report | None:
        """Run on to the next report; None when the run came to its end before.

        A run is over once it has reported its last point.
        """
        if self._point >= self._plan.points:
            return None
        for mark, ends in self._marks:
            guard = None
            if isinstance(mark, StepRecord):
                self._steps.append(mark)
                guard = step_guard(mark)
            now = due(
                self._plan, self._every, self._point, mark.samples_seen, guard=guard, ends=ends
            )
            if now is not None:
                return self._report(now, mark)
        return None

    def _report(self, now: Due, mark: StepRecord | Silence) -> Report:
        metrics = dict(self._curve.evaluate(mark.samples_seen)) if now.evaluate else {}
        report = Report(
            point=now.point,
            samples=mark.samples_seen,
            step=mark.step,
            window=_window(self._steps),
            metrics=metrics,
            guard=now.guard,
        )
        if now.guard is None:
            self._point, self._steps = now.point, []
        return report


def _window(steps: Sequence[StepRecord]) -> Window:
    """The window of the steps; its loss is that of those whose loss is known."""
    if not steps:
        return NOTHING_SEEN
    told = [step for step in steps if not isinstance(step, LossUnknown)]
    window = make_window(steps)
    if len(told) == len(steps):
        return window
    return window.model_copy(update={"loss": make_window(told).loss if told else None})
