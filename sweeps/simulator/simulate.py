"""A whole sweep on a virtual clock. Nothing is decided here: the conductor of the live sweep
drives, with the same searcher, pruner, guards and journal.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from sweeps.conductor import Conductor
from sweeps.journal import Body, Entry, Prepared, Story, apply
from sweeps.phases import planned_lengths, stages_in
from sweeps.planning import resolve_horizon
from sweeps.points import RunPlan
from sweeps.pruners import make_pruner
from sweeps.pruners.base import Pruner, parting, run_of
from sweeps.pruners.decide import verdict
from sweeps.result import Result, make_result
from sweeps.searchers import make_searcher
from sweeps.simulator.curves import Curves
from sweeps.simulator.walk import Walk, Walking
from sweeps.spec import SweepSpec
from sweeps.trial import Action, Params, Report, Trial

Make = Callable[[SweepSpec], Pruner]
# The way of a trial along its run, from its first sample on.
WayOf = Callable[[Trial, RunPlan], Walking]

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
# `at` of an entry is only shown; a clock past the year 9000 stands still in it.
_LAST = 7000 * 365 * 86400.0


def _one_second(params: Params) -> float:
    """The clock counts samples."""
    return 1.0


@dataclass(frozen=True)
class Costs:
    """What things take on the virtual clock, in its seconds.

    `per_sample` of a configuration (by default 1: the clock then counts samples), `start` of a
    first attempt, `resume` of every later one, `pause` to save: the slot is taken as long.
    """

    per_sample: Callable[[Params], float] = _one_second
    start: float = 0.0
    pause: float = 0.0
    resume: float = 0.0


@dataclass(frozen=True)
class Driven:
    """A sweep that is over: its journal and the story it tells. `seconds` is the virtual time until
    nothing ran any more; `ended` when each trial's last attempt ended."""

    entries: list[Entry]
    story: Story
    seconds: float
    ended: dict[int, float]


@dataclass(frozen=True)
class Simulation(Driven):
    """What came out, with its result. `best_seconds`: when the best trial had finished, None
    without one."""

    result: Result
    best_seconds: float | None


@dataclass
class _Attempt:
    """An attempt that is out: since when, how far its run is, and what it will say next."""

    number: int
    began: float
    samples: int
    walk: Walking
    report: Report | None = None
    saving: bool = False


def simulate(
    spec: SweepSpec,
    curves: Curves,
    *,
    slots: int = 1,
    costs: Costs | None = None,
    prepared: Prepared | None = None,
    make: Make = make_pruner,
) -> Simulation:
    """Run `spec` to its end over `curves` in `slots` slots (never more than its max_parallel).

    `prepared` is the first entry; a horizon in epochs needs one. `make` gives the pruner. Raises
    SpecError as a live sweep does, KeyError for what `sweeps.support` refuses.
    """
    every = spec.spec.evaluation.every_points

    def way(trial: Trial, plan: RunPlan) -> Walking:
        return Walk(curves.of(trial, plan), plan, every)

    driven = drive(spec, way, slots=slots, costs=costs, prepared=prepared, make=make)
    result = make_result(spec, driven.story)
    best = driven.ended[result.best.trial] if result.best else None
    return Simulation(
        driven.entries, driven.story, driven.seconds, driven.ended, result=result, best_seconds=best
    )


def drive(
    spec: SweepSpec,
    way: WayOf,
    *,
    slots: int = 1,
    costs: Costs | None = None,
    prepared: Prepared | None = None,
    make: Make = make_pruner,
) -> Driven:
    """As `simulate`, without the result, for runs whose reports are known already."""
    first = prepared or _prepared(spec)
    machine = _Machine(spec, way, costs or Costs(), first, make(spec))
    machine.conductor.slots = min(slots, spec.spec.resources.max_parallel or slots)
    machine.run()
    return Driven(machine.entries, machine.story, machine.now, machine.ended)


def _prepared(spec: SweepSpec) -> Prepared:
    """What a spec tells of its runs without its data."""
    horizon = resolve_horizon(spec, None)
    return Prepared(
        horizon_samples=horizon,
        devices_per_trial=1,
        device_kind="cpu",
        phase_samples=planned_lengths(spec.spec.workload, horizon),
    )


class _Machine:
    """Slots and a clock. The queue holds one event for each attempt that is out; events of equal
    time come in the order of their trials."""

    def __init__(
        self, spec: SweepSpec, way: WayOf, costs: Costs, prepared: Prepared, pruner: Pruner
    ) -> None:
        self._spec, self._way, self._costs = spec, way, costs
        self.now, self.story, self.entries = 0.0, Story(), list[Entry]()
        self.ended: dict[int, float] = {}
        self._queue: list[tuple[float, int]] = []
        self._out: dict[int, _Attempt] = {}
        self._parked: dict[int, _Attempt] = {}
        self._append(prepared)
        searcher = make_searcher(spec, prepared.horizon_samples, stages_in(spec, self.story))
        judge = partial(verdict, spec, pruner)
        part = parting(pruner)
        self.conductor = Conductor(
            spec, self.story, searcher, judge, self._append, pruner.revive, part
        )

    def run(self) -> None:
        """Until nothing runs and nothing more will."""
        self._launch()
        while self._queue:
            self.now, trial = heapq.heappop(self._queue)
            self._happen(trial, self._out[trial])
            self._launch()
        self.conductor.close()

    def _launch(self) -> None:
        while (launch := self.conductor.next()) is not None:
            trial = launch.trial
            before = self._parked.pop(trial.number, None)
            if before is None:
                plan = run_of(self._spec, self.story, trial.params)
                attempt = _Attempt(launch.attempt, self.now, 0, self._way(trial, plan))
            else:
                attempt = _Attempt(launch.attempt, self.now, before.samples, before.walk)
            self._out[trial.number] = attempt
            first = launch.attempt == 1
            self._advance(trial.number, self._costs.start if first else self._costs.resume)

    def _advance(self, trial: int, delay: float = 0.0) -> None:
        """Let an attempt run on to its next report, or to its end."""
        attempt = self._out[trial]
        attempt.report = attempt.walk.next_report()
        if attempt.report is not None:
            params = self.story.trials[trial].trial.params
            ran = attempt.report.samples - attempt.samples
            delay += ran * self._costs.per_sample(params)
            attempt.samples = attempt.report.samples
        heapq.heappush(self._queue, (self.now + delay, trial))

    def _happen(self, trial: int, attempt: _Attempt) -> None:
        spent = (trial, attempt.number, attempt.samples, self.now - attempt.began)
        if attempt.saving:
            self._leave(trial)
            self.conductor.saved(*spent)
            return
        if attempt.report is None:
            self._leave(trial)
            self.conductor.finished(*spent)
            return
        match self.conductor.reported(trial, attempt.number, attempt.report).action:
            case Action.CONTINUE:
                self._advance(trial)
            case Action.STOP:
                self._leave(trial)
                self.conductor.stopped(*spent)
            case Action.PAUSE:
                attempt.saving = True
                heapq.heappush(self._queue, (self.now + self._costs.pause, trial))

    def _leave(self, trial: int) -> None:
        """The slot is free. What was saved waits for the trial's next attempt."""
        attempt = self._out.pop(trial)
        self.ended[trial] = self.now
        if attempt.saving:
            self._parked[trial] = attempt

    def _append(self, body: Body) -> None:
        apply(self.story, body)
        self.story.seq += 1
        at = _EPOCH + timedelta(seconds=min(self.now, _LAST))
        text = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self.entries.append(Entry(seq=self.story.seq, at=text, body=body))
