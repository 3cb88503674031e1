"""Synthetic curves: a toy, so that a sweep can be simulated where nothing was recorded.

Not a model of any training. It has the shapes that a pruner must survive, and no claim beyond:

- With r(t) = rate now / best rate and w = the integral of r over the run's share of its horizon,
  loss = floor + (start - floor) / (1 + 6 w) + 0.1 r(t) + noise: a low rate learns slowly, a high
  one stays high while it lasts, a falling schedule settles, a rate of 0 moves nothing.
- The best rate is `best_rate` at a batch of 128 and grows with batch^0.2.
- Above `diverges_at` times the best rate the loss climbs after warmup.
- The gradient norm is that of a batch B: sqrt(|G|^2 + tr(S) / B), |G| falling with the loss; so a
  larger batch lowers it by itself.
- A share of the trials has a lone spike of the norm, and a share turns to NaN half way.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sweeps.points import RunPlan
from sweeps.seeds import generator
from sweeps.simulator.curves import Curve, Mark
from sweeps.spec import Metric
from sweeps.trial import Params, StepRecord, Trial

Floats = NDArray[np.float64]
_REFERENCE_BATCH = 128
_START, _FLOOR, _CLIMB = 3.0, 1.0, 8.0


@dataclass(frozen=True)
class Synthetic:
    """The curves of a sweep whose metric is `metric`.

    A metric to minimise is a held-out loss in nats, one to maximise a score in (0, 1). `records`
    is how many steps a run tells of between two decision points, at most. The shares are
    probabilities of a trial.
    """

    metric: Metric
    best_rate: float = 2e-5
    diverges_at: float = 20.0
    noise: float = 0.05
    spiked: float = 0.0
    broken: float = 0.0
    records: int = 5
    seed: int = 0

    def of(self, trial: Trial, plan: RunPlan) -> Curve:
        """Curves: the run of any trial. The same configuration and seed run alike."""
        return SyntheticCurve(self, trial, plan)


class SyntheticCurve:
    """One run: all its steps as arrays, told at `records` of them in each window."""

    def __init__(self, toy: Synthetic, trial: Trial, plan: RunPlan) -> None:
        self._toy, self._plan = toy, plan
        draw = generator(toy.seed, f"synthetic/{trial.seed}/{sorted(trial.params.items())}", 0)
        batch = plan.global_batch_size
        peak = float(trial.params.get("learning_rate", toy.best_rate))
        best = toy.best_rate * (batch / _REFERENCE_BATCH) ** 0.2
        self._rates = peak * schedule(trial.params, plan)
        relative = self._rates / best
        learned = np.cumsum(relative) / plan.steps
        loss = _FLOOR + (_START - _FLOOR) / (1 + 6 * learned) + 0.1 * relative
        if peak > toy.diverges_at * best:
            past = np.clip(np.arange(1, plan.steps + 1) - plan.warmup_steps, 0, None)
            loss = _START + _CLIMB * (1 - np.exp(-5 * past / plan.steps))
        scale = toy.noise / math.sqrt(batch / _REFERENCE_BATCH)
        self._held_out = loss + 0.02
        self._loss = loss + scale * draw.standard_normal(plan.steps)
        signal = np.clip(loss - _FLOOR, 0, None) / (_START - _FLOOR)
        self._norm = np.sqrt(signal**2 + _REFERENCE_BATCH / batch)
        if draw.random() < toy.spiked:
            self._norm[int(draw.integers(plan.steps))] *= 10_000
        if draw.random() < toy.broken:
            self._loss[plan.steps // 2 :] = np.nan
        self._blur = float(scale * draw.standard_normal())

    def marks(self) -> Iterator[Mark]:
        """Some steps of each window, the first that reaches its point among them."""
        before = 0
        for point in self._plan.reported_points():
            reached = self._plan.step_at(self._plan.samples_at(point))
            told = np.linspace(before + 1, reached, min(self._toy.records, reached - before))
            for step in np.round(told).astype(int).tolist():
                yield StepRecord(
                    step=step,
                    samples_seen=self._plan.samples_after(step),
                    tokens=0,
                    loss=float(self._loss[step - 1]),
                    grad_norm=float(self._norm[step - 1]),
                    learning_rate=float(self._rates[step - 1]),
                )
            before = reached

    def evaluate(self, samples_seen: int) -> Mapping[str, float]:
        """The sweep's metric, here."""
        step = self._plan.step_at(samples_seen)
        loss = float(self._held_out[step - 1]) + self._blur
        score = 1 / (1 + math.exp(loss - 1.5))
        return {self._toy.metric.name: loss if self._toy.metric.goal == "minimize" else score}


def schedule(params: Params, plan: RunPlan) -> Floats:
    """The rate at each step as a share of its peak; warmup is linear, as transformers has it.

    A plain re-telling of constant, linear, cosine and warmup_stable_decay; an unknown name is
    constant.
    """
    step = np.arange(plan.steps, dtype=np.float64)
    warm, kind = plan.warmup_steps, params.get("lr_scheduler_type", "constant")
    left = np.clip((plan.steps - step) / max(1, plan.steps - warm), 0, 1)
    shape = np.ones(plan.steps)
    if kind == "linear":
        shape = left
    elif kind == "cosine":
        shape = 0.5 * (1 + np.cos(np.pi * (1 - left)))
    elif kind == "warmup_stable_decay":
        decay = max(1, math.ceil(float(params.get("decay_ratio", 0.1)) * plan.steps))
        low = float(params.get("min_lr_ratio", 0.0))
        shape = low + (1 - low) * np.clip((plan.steps - step) / decay, 0, 1)
    return np.where(step < warm, step / max(1, warm), shape)
