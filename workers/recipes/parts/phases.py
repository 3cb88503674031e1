"""Which examples each step of a run takes: one order over all data, or phase after phase."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from sweeps.points import PhasePlan, RunPlan
from sweeps.trial import Params
from workers.recipes.parts.batches import SampleOrder
from workers.recipes.parts.materials import Train

Indices = NDArray[np.int64]


class Course:
    """The examples of every step, a pure function of plan, data and seed.

    A stacked run takes all examples in one order. A phase takes its own part of them in an order of
    its own, which begins anew; a share of its samples, spread evenly over it, comes from the parts
    of earlier phases. With the curriculum `length` each epoch goes from short to long.
    """

    def __init__(self, plan: RunPlan, train: Train, params: Params, seed: int) -> None:
        self._plan = plan
        ordered = params.get("curriculum") == "length"
        lengths = np.diff(train.examples.bounds) if ordered else None
        whole = np.arange(len(train.examples), dtype=np.int64)
        parts = [_indices(part) for part in train.parts] if plan.phased else [whole]
        self._phases = [
            _Phase(phase, part, _union(parts[:number]), seed, lengths)
            for number, (phase, part) in enumerate(zip(plan.phases, parts, strict=True))
        ]

    def take(self, step: int) -> list[int]:
        """The examples of optimizer step `step` (from 0)."""
        phase = self._plan.phase_of(step)
        size = phase.global_batch_size
        start = (step - phase.first_step) * size
        return self._phases[phase.number - 1].take(start, size)

    def begins(self, step: int) -> bool:
        """True at the first step of a phase after the first. It is a training of its own from the
        weights before, as in LAB: the optimizer begins anew too."""
        return step > 0 and step == self._plan.phase_of(step).first_step


class _Phase:
    """The samples of one phase, counted from its first."""

    def __init__(
        self,
        plan: PhasePlan,
        own: Indices,
        earlier: Indices,
        seed: int,
        lengths: Indices | None,
    ) -> None:
        self._own, self._earlier = own, earlier
        # Through the decimal text: 0.1 of 10 samples is 1.
        self._replay = Fraction(str(plan.replay))
        first = plan.number == 1
        self._order = SampleOrder(
            len(own),
            seed,
            "sft-order" if first else f"sft-order-{plan.number}",
            lengths=None if lengths is None else lengths[own],
            samples=plan.samples - self._replayed(plan.samples),
        )
        self._again = SampleOrder(len(earlier), seed, f"sft-replay-{plan.number}")

    def take(self, start: int, size: int) -> list[int]:
        """The examples of samples start ... start + size - 1."""
        before, after = self._replayed(start), self._replayed(start + size)
        again = self._again.take(before, after - before)
        own = self._order.take(start - before, size - len(again))
        return [*self._own[own].tolist(), *self._earlier[again].tolist()]

    def _replayed(self, samples: int) -> int:
        """How many of the phase's first samples are replayed ones."""
        return math.floor(samples * self._replay)


def _indices(part: range) -> Indices:
    return np.arange(part.start, part.stop, dtype=np.int64)


def _union(parts: list[Indices]) -> Indices:
    return np.unique(np.concatenate(parts)) if parts else np.empty(0, np.int64)
