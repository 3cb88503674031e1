"""Ray Tune's own schedulers on the virtual clock.

Scheduler and Trial are Ray's classes. Only the controller between them is a stand-in, with the
order of calls of `ray.tune.execution.tune_controller` (2.60): all trials are added first, since
Tune keeps up to 200 pending; the last result of a run carries `done`, so Tune stops it without
asking the scheduler, and tells it on_trial_complete. Nothing needs a cluster.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from ray.tune.experiment import Trial
from ray.tune.schedulers import (
    ASHAScheduler,
    HyperBandScheduler,
    MedianStoppingRule,
    TrialScheduler,
)

from benchmarks.pruners.clock import Told
from sweeps.trial import Action

TIME, VALUE = "training_iteration", "value"


@dataclass(frozen=True)
class Kind:
    """A scheduler of Ray: made from (mode, length of a run), with a run `length` long in its time;
    by default one unit for each decision point."""

    make: Callable[[str, int], TrialScheduler]
    length: int | None = None


# The first three have Ray's defaults but for time (Ray's grace of 60 seconds becomes one point).
# Its hyperband rounds its milestones down, and would stop a run of 20 points at the 18th: it counts
# in 27ths of a run, where they are whole.
RAY: dict[str, Kind] = {
    "ray ASHA": Kind(lambda mode, length: ASHAScheduler(TIME, VALUE, mode, max_t=length)),
    "ray HyperBand": Kind(
        lambda mode, length: HyperBandScheduler(TIME, VALUE, mode, max_t=length), length=27
    ),
    "ray median": Kind(lambda mode, length: MedianStoppingRule(TIME, VALUE, mode, grace_period=1)),
    "ray ASHA grace 4, factor 2": Kind(
        lambda mode, length: ASHAScheduler(
            TIME, VALUE, mode, max_t=length, grace_period=4, reduction_factor=2
        )
    ),
}

_ACTIONS = {
    TrialScheduler.CONTINUE: Action.CONTINUE,
    TrialScheduler.PAUSE: Action.PAUSE,
    TrialScheduler.STOP: Action.STOP,
}


class RaySide:
    """Scheduler: one sweep of `trials` trials under a scheduler of Ray. It is the controller that
    Ray's scheduler sees: get_trials, get_live_trials, stop_trial.

    `goal` is minimize or maximize; `points` decision points a run has.
    """

    def __init__(self, kind: Kind, goal: str, points: int, trials: int) -> None:
        # Its hyperband tells of every bracket that it leaves out.
        logging.getLogger("ray.tune").setLevel(logging.WARNING)
        length = kind.length or points
        self.scheduler = kind.make(goal[:3], length)
        self._unit = length / points
        self._trials = [Trial("recorded", stub=True, trial_id=f"{n:05d}") for n in range(trials)]
        self._numbers = {trial: number for number, trial in enumerate(self._trials)}
        self._live = set(self._trials)
        for trial in self._trials:
            self.scheduler.on_trial_add(self, trial)

    def get_trials(self) -> list[Trial]:
        """All trials, in the order they were added."""
        return self._trials

    def get_live_trials(self) -> set[Trial]:
        """Those that have not ended."""
        return self._live

    def stop_trial(self, trial: Trial) -> None:
        """End a trial wherever it is, and tell the scheduler."""
        if trial.is_finished():
            return
        if trial.status == Trial.RUNNING:
            self.scheduler.on_trial_complete(self, trial, dict(trial.last_result))
        else:
            self.scheduler.on_trial_remove(self, trial)
        trial.set_status(Trial.TERMINATED)
        self._live.discard(trial)

    def choose(self) -> int | None:
        """Ray's choice."""
        trial = self.scheduler.choose_trial_to_run(self)
        if trial is None:
            return None
        trial.set_status(Trial.RUNNING)
        return self._numbers[trial]

    def tell(self, trial: int, told: Told) -> Action:
        """Ray's decision. A point without a value is not reported: Ray would refuse the result."""
        if told.value is None:
            return Action.CONTINUE
        known, result = self._trials[trial], self._result(told)
        # Its percentiles over values that are infinite warn, and go on.
        with np.errstate(all="ignore"):
            decision = self.scheduler.on_trial_result(self, known, result)
        known.update_last_result(result)
        if decision == TrialScheduler.STOP:
            self.stop_trial(known)
        elif decision == TrialScheduler.PAUSE:
            known.set_status(Trial.PAUSED)
        return _ACTIONS[decision]

    def complete(self, trial: int, told: Told) -> None:
        """The last result carries `done`."""
        self._trials[trial].update_last_result(self._result(told))
        with np.errstate(all="ignore"):
            self.stop_trial(self._trials[trial])

    def _result(self, told: Told) -> dict[str, Any]:
        return {TIME: told.point * self._unit, VALUE: told.value}
