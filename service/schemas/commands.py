"""What users ask of a sweep that runs: taken at once, applied by its driver."""

from __future__ import annotations

from service.schemas.base import Answer
from sweeps.journal import CommandKind
from sweeps.lifecycle import SweepState


class Command(Answer):
    """A user's command in the inbox. `trial` is the trial's number, None for the whole sweep;
    `trials` the new budget of `set_budget`."""

    id: str
    kind: CommandKind
    trial: int | None = None
    trials: int | None = None


class Accepted(Answer):
    """A command was taken. `applied` is false while it waits for the sweep's driver.

    `id` is None when nothing had to be done and no such command was ever given.
    """

    id: str | None
    kind: str
    applied: bool
    state: SweepState


class Retried(Accepted):
    """A retry was taken. `trials` are the numbers of those that will run again, `id` is the last
    one's command."""

    trials: list[int]
