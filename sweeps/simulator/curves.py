"""What a simulated run is: the marks along it, and what an evaluation there measures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from sweeps.points import RunPlan
from sweeps.trial import StepRecord, Trial


@dataclass(frozen=True, slots=True)
class Silence:
    """A mark at which nothing of the training was recorded; an evaluation may have been taken.

    `step` is the number of the last recorded step, `samples_seen` as in StepRecord.
    """

    step: int
    samples_seen: int


@dataclass(frozen=True, slots=True)
class LossUnknown(StepRecord):
    """A step of which the gradient norm was recorded and the loss was not: `loss` means nothing."""


Mark = StepRecord | Silence


class Curve(Protocol):
    """One run as it goes when nothing stops it."""

    def marks(self) -> Iterator[Mark]:
        """The marks in order of samples_seen, made as they are asked for.

        Not every optimizer step need be there. After the last mark the run is over, also before
        its horizon: then it has reached its target.
        """
        ...

    def evaluate(self, samples_seen: int) -> Mapping[str, float]:
        """What an evaluation at this mark measures, by metric name; empty when none was taken."""
        ...


class Curves(Protocol):
    """The curves of a sweep, by trial."""

    def of(self, trial: Trial, plan: RunPlan) -> Curve:
        """The run of this trial. Equal trials get equal curves."""
        ...


def with_end(marks: Iterator[Mark]) -> Iterator[tuple[Mark, bool]]:
    """Each mark, and whether it is the last."""
    waiting = next(marks, None)
    while waiting is not None:
        after = next(marks, None)
        yield waiting, after is None
        waiting = after
