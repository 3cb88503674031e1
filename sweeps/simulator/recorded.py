"""Recorded curves: a folder of runs and finals (DESIGN's format) as sweeps that can be simulated.

A group is one sweep, each of its runs (configuration and seed) a trial. Samples are the axis where
the file has them, else steps, else epochs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sweeps.points import RunPlan
from sweeps.simulator.curves import Curve, LossUnknown, Mark, Silence
from sweeps.simulator.tables import CurvesError, Floats, Ints, Numbers
from sweeps.spec import SweepSpec, parse
from sweeps.trial import Params, StepRecord, Trial

METRIC, FINAL = "eval_metric", "final_metric"
# In place of a loss that nobody recorded. Any finite number but 0, which trips a guard.
_NO_LOSS = 1.0


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

    def length(self, horizon: int) -> int:
        """Where the run ends: at the first row at or past the horizon, or at its last before."""
        past = self.x[self.x >= horizon]
        return int(past[0] if past.size else self.x[-1])


def key_of(params: Params) -> tuple[str, int | None]:
    """Configuration and seed of a trial of recorded curves."""
    seed = params.get("seed")
    return str(params["config_id"]), None if seed is None else int(seed)


@dataclass(frozen=True)
class Group:
    """One sweep as it was recorded.

    `axis` says what x counts: samples, step or epoch; `horizon` is in its units. `higher_is_better`
    is that of the finals, `eval_higher_is_better` that of the metric along the way. Groups of one
    `problem` are not independent of each other, though their workloads may differ.
    """

    name: str
    workload: str
    axis: str
    horizon: int
    higher_is_better: bool
    eval_higher_is_better: bool
    runs: tuple[Run, ...]
    problem: str = ""

    @property
    def measured(self) -> bool:
        """True when some run has a metric along the way."""
        return any(run.metric.there.any() for run in self.runs)

    @property
    def watch(self) -> dict[str, str] | None:
        """Name and goal of the metric along the way; None where no run measured one."""
        goal = "maximize" if self.eval_higher_is_better else "minimize"
        return {"name": METRIC, "goal": goal} if self.measured else None

    def spec(
        self,
        points: int = 20,
        *,
        rows: Sequence[Params] | None = None,
        by_final: bool = False,
        **changes: Any,
    ) -> SweepSpec:
        """The sweep of these runs, as recorded or in the order of `rows`; `changes` replace keys of
        its spec block.

        Its metric is `eval_metric`, or the training loss where no run measured one. `by_final`: it
        is `final_metric`, which only the last report has, as in a sweep whose target is measured
        at the end alone.
        """
        goal = "maximize" if self.higher_is_better else "minimize"
        final = {"name": FINAL, "goal": goal}
        body = {
            "workload": {"recipe": "replay", "options": {"group": self.name}},
            "parameters": {"paired": rows or [run.params for run in self.runs]},
            "method": {"type": "grid"},
            "metric": final if by_final else self.watch or {"name": "loss", "goal": "minimize"},
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

    A row with a training loss or a gradient norm is a step, numbered 1, 2, ... A row with only a
    metric is a mark without a signal. Rows past the horizon are left out.
    """

    def __init__(self, run: Run, plan: RunPlan) -> None:
        self._run, self._plan = run, plan
        known = np.flatnonzero(run.metric.there)
        self._at, self._values = run.x[known], run.metric.values[known]
        self._last = int(run.x[-1])

    def marks(self) -> Iterator[Mark]:
        """The rows in order."""
        run, count = self._run, 0
        columns = zip(run.loss.cells(), run.grad_norm.cells(), run.rate.cells(), strict=True)
        own = self._own_rate()
        for x, (loss, norm, rate) in zip(run.x.tolist(), columns, strict=True):
            if loss is not None or norm is not None:
                count += 1
                kind = StepRecord if loss is not None else LossUnknown
                yield kind(
                    step=count,
                    samples_seen=x,
                    tokens=0,
                    loss=_NO_LOSS if loss is None else loss,
                    grad_norm=norm,
                    learning_rate=own if rate is None else rate,
                )
            else:
                # The run was there, so it reports, though nothing of it was recorded.
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

    def _own_rate(self) -> float:
        """The trial's own rate, for rows without one; NaN when it is not known."""
        given = self._run.params.get("learning_rate")
        return float(given) if isinstance(given, (int, float)) else math.nan


def _cost(final: float | None, sign: float) -> float:
    return sign * final if final is not None and np.isfinite(final) else np.inf


def whole(values: Floats) -> tuple[Ints, int]:
    """An axis in whole numbers, and the factor that made it so: 1, or 1000 for parts of epochs."""
    factor = 1 if np.all(values == np.round(values)) else 1000
    return np.round(values * factor).astype(np.int64), factor
