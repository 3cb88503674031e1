"""The virtual clock for schedulers of other libraries: slots, decision points, what was spent.

It goes as `sweeps.simulator.simulate`: the clock counts samples, an event of a lower trial comes
first where two fall together, and a paused trial resumes where it was at no cost. There are no
guards, because the other libraries have none: a run that turns to NaN reports NaN and goes on.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from sweeps.points import RunPlan, run_plan
from sweeps.reporting import due
from sweeps.simulator.curves import LossUnknown, Silence, with_end
from sweeps.simulator.recorded import METRIC, Group, RecordedCurve
from sweeps.spec import SweepSpec
from sweeps.trial import Action


@dataclass(frozen=True)
class Told:
    """What a run tells at a decision point. `value` is None where nothing was measured; the last
    point repeats the newest value, and is NaN in a run that never measured one."""

    point: int
    samples: int
    value: float | None
    last: bool = False


Track = tuple[Told, ...]


class Scheduler(Protocol):
    """A scheduler of another library, by the numbers of its trials (0, 1, ...)."""

    def choose(self) -> int | None:
        """The trial that a free slot takes, now running; None when none is ready."""
        ...

    def tell(self, trial: int, told: Told) -> Action:
        """What happens to a running trial after this point. Not asked of a last one."""
        ...

    def complete(self, trial: int, told: Told) -> None:
        """A running trial has come to its end."""
        ...


@dataclass
class Played:
    """What a scheduler spent: `samples` by trial, who `finished` and at which time, and `seconds`,
    the virtual time until nothing ran any more."""

    samples: list[int]
    finished: dict[int, float] = field(default_factory=dict)
    seconds: float = 0.0


def tracks(group: Group, spec: SweepSpec) -> list[Track]:
    """What each run of the group tells, in their order, at the decision points of `spec`: its
    metric there, which is the mean loss since the point before where no run measured a metric."""
    body = spec.spec
    horizon = body.horizon.samples or group.horizon
    return [
        _track(
            RecordedCurve(run, plan),
            plan,
            by_loss=body.metric.name != METRIC,
        )
        for run in group.runs
        for plan in (run_plan(run.params, horizon, body.report.points),)
    ]


def play(runs: Sequence[Track], scheduler: Scheduler, slots: int) -> Played:
    """Run `runs` under the scheduler until nothing runs and it chooses nothing more."""
    played = Played(samples=[0] * len(runs))
    queue: list[tuple[float, int]] = []
    reached = [0] * len(runs)
    now = 0.0

    def launch(trial: int) -> None:
        told = runs[trial][reached[trial]]
        heapq.heappush(queue, (now + told.samples - played.samples[trial], trial))

    while True:
        while len(queue) < slots and (chosen := scheduler.choose()) is not None:
            launch(chosen)
        if not queue:
            return played
        now, trial = heapq.heappop(queue)
        told = runs[trial][reached[trial]]
        played.samples[trial], played.seconds = told.samples, now
        reached[trial] += 1
        if told.last:
            played.finished[trial] = now
            scheduler.complete(trial, told)
        elif scheduler.tell(trial, told) == Action.CONTINUE:
            launch(trial)


def _track(curve: RecordedCurve, plan: RunPlan, by_loss: bool) -> Track:
    found: list[Told] = []
    losses: list[float] = []
    newest = np.nan
    for mark, ends in with_end(curve.marks()):
        if not isinstance(mark, Silence | LossUnknown):
            losses.append(mark.loss)
        before = found[-1].point if found else 0
        now = due(plan, 1, before, mark.samples_seen, ends=ends)
        if now is None:
            continue
        value = curve.evaluate(mark.samples_seen).get(METRIC)
        if by_loss:
            value = float(np.mean(losses)) if losses else None
        newest = newest if value is None else value
        last = now.point == plan.points
        found.append(Told(now.point, mark.samples_seen, newest if last else value, last))
        losses = []
        if last:
            break
    return tuple(found)
