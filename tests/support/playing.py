"""Plays a whole sweep in memory: the real conductor, searcher, guards and pruner, made-up runs."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from stories import HORIZON, Script

from sweeps.conductor import Command, Conductor
from sweeps.journal import fold
from sweeps.lifecycle import TrialState
from sweeps.points import run_plan
from sweeps.pruners import make_pruner
from sweeps.pruners.base import parting
from sweeps.pruners.decide import verdict
from sweeps.searchers.grid import GridSearcher
from sweeps.spec import SweepSpec
from sweeps.trial import Action, Report, Role, TrialRecord

# The report of trial n at point k.
Curve = Callable[[int, int], Report]
# No sweep of a test is this long: one that is does not end.
TICKS = 5000


@dataclass(frozen=True)
class Mishaps:
    """What goes wrong, and when: at (trial, point) the worker raises for good, or the user stops
    the trial; at these ticks the driver dies. `stutter` sends every report twice."""

    raises: frozenset[tuple[int, int]] = frozenset()
    stops: frozenset[tuple[int, int]] = frozenset()
    crashes: frozenset[int] = frozenset()
    stutter: bool = False


@dataclass
class Player:
    """One sweep; `order` seeds which running trial reports next, None: always the lowest."""

    spec: SweepSpec
    curve: Curve
    slots: int = 3
    order: int | None = None
    mishaps: Mishaps = Mishaps()
    script: Script = field(default_factory=Script)

    def __post_init__(self) -> None:
        self._random = random.Random(self.order)
        self._saved: dict[int, int] = {}
        self._at: dict[int, int] = {}
        self._take()

    def play(self) -> Script:
        """To the end of the sweep, parked trials stopped. The journal it wrote."""
        for tick in range(TICKS):
            if tick in self.mishaps.crashes:
                self._crash()
            while (launch := self.conductor.next()) is not None:
                self._at[launch.trial.number] = self._saved.get(launch.trial.number, 0)
            running = [r for r in self.script.story.trials.values() if r.state == "RUNNING"]
            if not running:
                break
            self._step(running[0] if self.order is None else self._random.choice(running))
        else:
            raise AssertionError(f"still going after {TICKS} reports")
        assert self.conductor.done()
        self.conductor.close()
        assert self.conductor.complete()
        return self.script

    def _take(self) -> None:
        """A driver takes over the story as it is."""
        pruner = make_pruner(self.spec)
        self.conductor = Conductor(
            self.spec,
            self.script.story,
            GridSearcher(self.spec, HORIZON),
            partial(verdict, self.spec, pruner),
            self.script.add,
            pruner.revive,
            parting(pruner),
        )
        self.conductor.slots = self.slots

    def _crash(self) -> None:
        self.script.story = fold(self.script.entries)
        self._take()
        self.conductor.recover()

    def _step(self, record: TrialRecord) -> None:
        """One report of a running trial, and what follows from it."""
        number, attempt = record.trial.number, len(record.attempts)
        run = run_plan(record.trial.params, HORIZON, self.spec.spec.report.points)
        base = record.trial.role is Role.BASE
        point = next(k for k in run.reported_points() if k > self._at[number])
        point, samples = (run.points, 0) if base else (point, run.samples_at(point))
        if (number, point) in self.mishaps.raises:
            self.conductor.broke(number, attempt, "it raised", raised=True, fatal=True)
            return
        if (number, point) in self.mishaps.stops:
            self.conductor.command(Command(f"stop-{number}", "stop_trial", number))
            self.conductor.stopped(number, attempt, samples, 0.0)
            return
        report = self.curve(number, point).model_copy(update={"samples": samples})
        answer = self.conductor.reported(number, attempt, report)
        if self.mishaps.stutter:
            assert self.conductor.reported(number, attempt, report) == answer
        self._at[number] = point
        if answer.action is Action.STOP:
            self.conductor.stopped(number, attempt, samples, 0.0)
        elif answer.action is Action.PAUSE:
            self._saved[number] = point
            self.conductor.saved(number, attempt, samples, 0.0)
        elif point == run.points:
            self.conductor.finished(number, attempt, samples, 0.0)


def states(script: Script) -> dict[int, str]:
    """The state of every trial by number."""
    return {number: record.state for number, record in script.story.trials.items()}


def done(script: Script) -> list[int]:
    """The trials that came to their end."""
    return [number for number, state in states(script).items() if state == TrialState.DONE]
