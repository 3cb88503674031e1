"""What became of the trials so far, as a model is told it.

What a trial without a final value means is decided here, once for all samplers:

- pruned, or stopped by a user or a budget after it measured something: CUT, with what it measured.
- stopped by a guard (not finite, dead, diverged): CUT, with nothing measured. It is known to be
  bad, and what it measured before it broke says nothing for it.
- finished, and breaks a limit of `max_drop`: CUT, with nothing measured, likewise. Before the base
  model is evaluated nobody knows that of a trial, and it counts as finished.
- failed, finished with a metric that is absent or not finite, stopped before it measured anything:
  LOST. Nobody knows its value.
- parked: PARKED with what it measured; it may be revived. Running, waiting, and parked without a
  measurement: OPEN.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from enum import StrEnum

from sweeps.drops import Panel, panel
from sweeps.journal import Story
from sweeps.lifecycle import StopReason, TrialState
from sweeps.metric import cost, final, value_at
from sweeps.spec import Metric, SweepSpec
from sweeps.trial import Params, Role, TrialRecord

# The guards that judge whole windows (sweeps.pruners.guards); the others mark their report.
WINDOW_GUARDS = ("dead", "diverged")


class Fate(StrEnum):
    """How a trial stands."""

    DONE = "done"
    CUT = "cut"
    LOST = "lost"
    PARKED = "parked"
    OPEN = "open"


@dataclass(frozen=True)
class Outcome:
    """One trial: its configuration, its fate, its final value when DONE, and its measurements of
    the metric by decision point."""

    params: Params
    fate: Fate
    value: float | None = None
    curve: dict[int, float] = field(default_factory=dict)


def outcomes(spec: SweepSpec, story: Story) -> list[Outcome]:
    """The search trials in the order asked."""
    records = [record for _, record in sorted(story.trials.items())]
    limits = panel(spec, records)
    return [_outcome(spec, r, limits) for r in records if r.trial.role is Role.SEARCH]


def with_stand_ins(found: list[Outcome], metric: Metric) -> list[Outcome]:
    """For models that learn from values alone (GP, CMA-ES): all that ended without a final value
    counts as the worst that finished, and a parked trial as `_as_far` has it.

    Told nothing of it, a GP asks for the same place again and again. Its own last value would not
    do: at an early point it may be far off the scale of final ones. Before anything finished
    there is no worst, and nothing is changed.
    """
    done = [one for one in found if one.value is not None]
    if not done:
        return found
    worst = max((one.value for one in done), key=lambda value: _cost(value, metric))
    stood = []
    for one in found:
        value = _as_far(one, done, metric) if one.fate is Fate.PARKED else worst
        kept = one.fate in (Fate.DONE, Fate.OPEN)
        stood.append(one if kept else replace(one, fate=Fate.DONE, value=value))
    return stood


def _as_far(one: Outcome, done: list[Outcome], metric: Metric) -> float | None:
    """The final of the finished trial that was next behind a parked one where it was parked; the
    worst final when none was behind it there.

    A pruner may park every trial: parked says nothing against it, only its rank there does.
    """
    point = max(one.curve)
    mine = cost(one.curve[point], metric)
    behind = [
        other for other in done if point in other.curve and cost(other.curve[point], metric) >= mine
    ]
    if behind:
        return min(behind, key=lambda other: cost(other.curve[point], metric)).value
    return max((other.value for other in done), key=lambda value: _cost(value, metric))


def _cost(value: float | None, metric: Metric) -> float:
    return math.inf if value is None else cost(value, metric)


def _outcome(spec: SweepSpec, record: TrialRecord, limits: Panel) -> Outcome:
    metric, params = spec.spec.metric, record.trial.params
    measured = {k: value_at(report, metric.name) for k, report in sorted(record.reports.items())}
    curve = {point: value for point, value in measured.items() if value is not None}
    match record.state:
        case TrialState.DONE:
            value = final(record, metric, spec.spec.report.points)
            if value is None or not math.isfinite(value):
                return Outcome(params, Fate.LOST)
            if limits.breaks(record):
                return Outcome(params, Fate.CUT)
            return Outcome(params, Fate.DONE, value, curve)
        case TrialState.STOPPED if _broken(record):
            return Outcome(params, Fate.CUT)
        case TrialState.STOPPED if curve:
            return Outcome(params, Fate.CUT, curve=curve)
        case TrialState.STOPPED | TrialState.FAILED:
            return Outcome(params, Fate.LOST)
        case TrialState.PAUSED if curve:
            return Outcome(params, Fate.PARKED, curve=curve)
        case _:
            return Outcome(params, Fate.OPEN)


def _broken(record: TrialRecord) -> bool:
    """True when a guard stopped it."""
    last = record.last_report
    if last is None or record.reason != StopReason.PRUNED:
        return False
    return last.guard is not None or record.verdicts[last.point].reason in WINDOW_GUARDS
