"""The words between a run and its driver: orders, the ends that they lead to, and the way there."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Protocol

from sweeps.trial import Report


class Order(StrEnum):
    """What the driver tells a running trial."""

    GO_ON = "go_on"
    PAUSE = "pause"
    STOP = "stop"
    # Pause, and say the report again when you go on: nobody heard it.
    LEAVE = "leave"
    # Save, and go on. The context's own, when its last checkpoint is old.
    SAVE = "save"


class Stopped(BaseException):
    """Raised in `step` when the trial is over for good. Not an Exception: recipes let it pass."""


class Paused(Stopped):
    """Raised in `step` after the state was saved; a later attempt goes on from there."""


class TryAgainError(Exception):
    """Raised by a recipe that cannot go on here but could in a new attempt, from its checkpoint: to
    the trial that is a worker lost, not a mistake made."""


class Link(Protocol):
    """The way to the driver. `report` blocks for the verdict, `pulse` never waits."""

    def report(self, report: Report) -> Order: ...

    def pulse(self, samples_seen: int) -> Order: ...


class MetricLog(Protocol):
    """Where per-step metrics go. `step` is samples_seen. Must not block on a network."""

    def append(self, step: int, metrics: Mapping[str, float]) -> None: ...
