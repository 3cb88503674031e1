"""Recorded curves: a folder of runs and finals (DESIGN's format) as sweeps that can be simulated.

A group is one sweep, each of its runs (configuration and seed) a trial. Samples are the axis where
the file has them, else steps, else epochs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sweeps.points import RunPlan
from sweeps.simulator.curves import Curve, Mark, Silence
from sweeps.simulator.tables import CurvesError, Floats, Ints, Numbers
from sweeps.spec import SweepSpec, parse
from sweeps.trial import Params, StepRecord, Trial

METRIC, FINAL = "eval_metric", "final_metric"


@dataclass(frozen=True)
class Run:
    """One recorded run. `x` ascends; the signals have one cell for each of its rows.

    `rate` is the learning rate along the run. `final` is None where none was recorded (such a run
    is the worst), NaN or infinite where it diverged.
    """

    params: Params
    final: float | None
    x: Ints
    loss: Numbers
    grad_norm: Numbers
    metric: Numbers
    rate: Numbers

    @property
    def key(self) -> tuple[str, int | None]:
        """Configuration and seed."""
        return key_of(self.params)


def key_of(params: Params) -> tuple[str, int | None]:
    """Configuration and seed of a trial of recorded curves."""
    seed = params.get("seed")
    return str(params["config_id"]), None if seed is None else int(seed)


@dataclass(frozen=True)
class Group:
    """One sweep as it was recorded.

    `axis` says what x counts: samples, step or epoch; `horizon` is in its units. `higher_is_better`
    is that of the finals, `eval_higher_is_better` that of the metric along the way.
    """

    name: str
    workload: str
    axis: str
    horizon: int
    higher_is_better: bool
    eval_higher_is_better: bool
    runs: tuple[Run, ...]

    def spec(self, points: int = 20, **changes: Any) -> SweepSpec:
        """The sweep of these runs in the order recorded; `changes` replace keys of its spec block.

        Its metric is `eval_metric`, or the training loss where no run measured one.
        """
        measured = any(run.metric.there.any() for run in self.runs)
        goal = "maximize" if self.eval_higher_is_better and measured else "minimize"
        body = {
            "workload": {"recipe": "replay", "options": {"group": self.name}},
            "parameters": {"paired": [run.params for run in self.runs]},
            "method": {"type": "grid"},
            "metric": {"name": METRIC if measured else "loss", "goal": goal},
            "horizon": {"samples": self.horizon},
            "report": {"points": points},
            "evaluation": {"every_points": 1},
            **changes,
        }
        head = {"apiVersion": "sweeps/v1", "kind": "Sweep", "metadata": {"name": "recorded"}}
        return parse({**head, "spec": body})

    def of(self, trial: Trial, plan: RunPlan) -> Curve:
        """Curves: the run of a trial of `spec`. Raises CurvesError when there is none."""
        key = key_of(trial.params)
        run = next((run for run in self.runs if run.key == key), None)
        if run is None:
            raise CurvesError(f"The group {self.name} has no run of {key[0]} (seed {key[1]}).")
        return RecordedCurve(run, plan)

    def ranked(self) -> list[Run]:
        """The runs, best final first; those without a finite one last."""
        sign = -1.0 if self.higher_is_better else 1.0
        return sorted(self.runs, key=lambda run: _cost(run.final, sign))


class RecordedCurve:
    """A recorded run as the curve of a trial.

    A row with a training loss is a step, numbered 1, 2, ... A row with only a metric is a mark
    without a signal. Rows past the horizon are left out.
    """

    def __init__(self, run: Run, plan: RunPlan) -> None:
        self._run, self._plan = run, plan
        known = np.flatnonzero(run.metric.there)
        self._at, self._values = run.x[known], run.metric.values[known]
        self._last = int(run.x[-1])

    def marks(self) -> Iterator[Mark]:
        """The rows in order."""
        run, count = self._run, 0
        for index, x in enumerate(run.x.tolist()):
            loss = run.loss.at(index)
            if loss is not None:
                count += 1
                yield StepRecord(
                    step=count,
                    samples_seen=x,
                    tokens=0,
                    loss=loss,
                    grad_norm=run.grad_norm.at(index),
                    learning_rate=self._rate(index),
                )
            elif run.metric.there[index] or index == len(run.x) - 1:
                yield Silence(count, x)
            if x >= self._plan.horizon:
                return

    def evaluate(self, samples_seen: int) -> Mapping[str, float]:
        """The newest evaluation up to here, unless it is as old as the point before.

        At the end of the run its age does not matter, and the recorded final comes with it.
        """
        over = samples_seen >= min(self._last, self._plan.horizon)
        found: dict[str, float] = {}
        index = int(np.searchsorted(self._at, samples_seen, side="right")) - 1
        if index >= 0:
            age = samples_seen - int(self._at[index])
            if over or age * self._plan.points < self._plan.horizon:
                found[METRIC] = float(self._values[index])
        if over and self._run.final is not None:
            found[FINAL] = self._run.final
        return found

    def _rate(self, index: int) -> float:
        """The rate at a row, else the trial's own, else NaN: not known."""
        rate = self._run.rate.at(index)
        given = self._run.params.get("learning_rate")
        if rate is None and isinstance(given, (int, float)):
            return float(given)
        return np.nan if rate is None else rate


def _cost(final: float | None, sign: float) -> float:
    return sign * final if final is not None and np.isfinite(final) else np.inf


def whole(values: Floats) -> tuple[Ints, int]:
    """An axis in whole numbers, and the factor that made it so: 1, or 1000 for parts of epochs."""
    factor = 1 if np.all(values == np.round(values)) else 1000
    return np.round(values * factor).astype(np.int64), factor
