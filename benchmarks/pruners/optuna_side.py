"""Optuna's own pruners on the virtual clock: a Study in memory, driven by ask, report,
should_prune and tell as `study.optimize` does with as many jobs as there are slots.
"""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Callable
from functools import partial

import optuna
from optuna.pruners import (
    BasePruner,
    HyperbandPruner,
    MedianPruner,
    PatientPruner,
    PercentilePruner,
    SuccessiveHalvingPruner,
    WilcoxonPruner,
)
from optuna.trial import Trial, TrialState

from benchmarks.pruners.clock import Told
from sweeps.trial import Action

Make = Callable[[int], BasePruner]

# By name: decision points of a run -> pruner. Optuna's defaults, but for two that have none
# (percentile, patience) and for the halving with a fixed first rung in place of "auto".
OPTUNA: dict[str, Make] = {
    "optuna median": lambda points: MedianPruner(),
    "optuna percentile 25": lambda points: PercentilePruner(25.0),
    "optuna halving": lambda points: SuccessiveHalvingPruner(),
    "optuna halving rung 2, factor 3": lambda points: SuccessiveHalvingPruner(2, 3),
    "optuna hyperband": lambda points: HyperbandPruner(max_resource=points),
    "optuna Wilcoxon": lambda points: _quiet(WilcoxonPruner),
    "optuna patient median": lambda points: _quiet(partial(PatientPruner, MedianPruner(), 1)),
}


class OptunaSide:
    """Scheduler: one sweep of `trials` trials in a study. `goal` is minimize or maximize; `name`
    of the study, by which Optuna's hyperband deals the trials to its brackets."""

    def __init__(self, pruner: BasePruner, goal: str, trials: int, name: str) -> None:
        optuna.logging.set_verbosity(logging.ERROR)
        self.study = optuna.create_study(
            study_name=name,
            direction=goal,
            pruner=pruner,
            sampler=optuna.samplers.RandomSampler(seed=0),
        )
        self._left = trials
        self._asked: list[Trial] = []

    def choose(self) -> int | None:
        """The next configuration in order. Optuna pauses none."""
        if len(self._asked) == self._left:
            return None
        self._asked.append(self.study.ask())
        return len(self._asked) - 1

    def tell(self, trial: int, told: Told) -> Action:
        """Optuna's decision. A point without a value is not reported."""
        if told.value is None:
            return Action.CONTINUE
        asked = self._asked[trial]
        with warnings.catch_warnings(action="ignore"):
            asked.report(told.value, told.point)
            if not asked.should_prune():
                return Action.CONTINUE
        self.study.tell(asked, state=TrialState.PRUNED)
        return Action.STOP

    def complete(self, trial: int, told: Told) -> None:
        """The last value is that of the trial; Optuna calls a trial that ends with NaN failed."""
        asked = self._asked[trial]
        value = math.nan if told.value is None else told.value
        asked.report(value, told.point)
        if math.isnan(value):
            self.study.tell(asked, state=TrialState.FAIL)
        else:
            self.study.tell(asked, value)


def _quiet(make: Callable[[], BasePruner]) -> BasePruner:
    """Without Optuna's note that a pruner is experimental."""
    with warnings.catch_warnings(action="ignore"):
        return make()
