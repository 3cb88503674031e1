"""Curves made by hand for tests of the simulator, and the sweep that runs them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from stories import BATCH, HORIZON, make_spec, make_step

from sweeps.points import RunPlan
from sweeps.simulator.curves import Curve, Mark
from sweeps.spec import SweepSpec
from sweeps.trial import Trial

# The loss of a trial at a step, both counted from 0 and 1.
Loss = Callable[[int, int], float]


@dataclass(frozen=True)
class Made:
    """Curves whose loss and metric are `loss(number, step)`, one record a step of BATCH samples."""

    loss: Loss
    last: Mapping[int, int] = None  # type: ignore[assignment]

    def of(self, trial: Trial, plan: RunPlan) -> Curve:
        steps = (self.last or {}).get(trial.number, HORIZON // BATCH)
        return MadeCurve(self.loss, trial.number, steps)


@dataclass(frozen=True)
class MadeCurve:
    loss: Loss
    number: int
    steps: int

    def marks(self) -> Iterator[Mark]:
        for step in range(1, self.steps + 1):
            yield make_step(step, self.loss(self.number, step))

    def evaluate(self, samples_seen: int) -> Mapping[str, float]:
        return {"eval_loss": self.loss(self.number, samples_seen // BATCH)}


def ordered(number: int, step: int) -> float:
    """Trial n is worse than trial n - 1 all the way."""
    return number + 3.0 / step


def grid_of(trials: int, **changes: Any) -> SweepSpec:
    """`trials` configurations in one cohort, in the order of their numbers."""
    rates = [0.1 + n / 1000 for n in range(trials)]
    parameters = {"global_batch_size": {"value": BATCH}, "learning_rate": {"values": rates}}
    return make_spec(parameters=parameters, **changes)
