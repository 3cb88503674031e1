"""A driver's door: the journal, what finished sweeps and trials teach, and the end."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from service.schemas.base import Answer, Number, SweepId
from sweeps.cost_model import Measurement
from sweeps.journal import Entry
from sweeps.trial import Params
from sweeps.wire import Wire

# Characters of what a driver says about the end of its sweep.
LONGEST_MESSAGE = 4000


class JournalAppend(Wire):
    """Entries in order, seq = last + 1 ...; those already stored must be equal and are skipped."""

    token: Number
    entries: Annotated[list[Entry], Field(min_length=1, max_length=1000)]


class JournalAck(Answer):
    """`seq` is the last one stored."""

    seq: int


class JournalPage(Answer):
    """Entries after the seq asked for, in order. `last_seq` is the last one stored."""

    entries: list[Entry]
    last_seq: int


class PastPoint(Answer):
    """A decision point of a past trial, at `share` of its run after `samples`. `metric` is what its
    sweep looked at along the way; None: not measured there, or not finite."""

    share: float
    samples: int
    loss: float | None
    grad_norm: float | None
    metric: float | None


class PastTrial(Answer):
    """A trial that ran to its end: its parameters, its final metric, up to ten of its points."""

    params: Params
    final: float
    points: list[PastPoint]


class PastSweep(Answer):
    """The trials of one finished sweep. `higher`: of its metric along the way, more was better."""

    sweep: SweepId
    higher: bool
    trials: list[PastTrial]


class PastSweeps(Answer):
    """Finished sweeps of the same family, newest first: what a new sweep may learn from."""

    items: list[PastSweep]


class Costs(Answer):
    """What trials of a model took of their devices, the newest first."""

    items: list[Measurement]


class FinishRequest(Wire):
    """The driver is through: DONE, FAILED, CANCELLED (from STOPPING) or PAUSED."""

    token: Number
    state: Literal["DONE", "FAILED", "CANCELLED", "PAUSED"]
    message: Annotated[str, Field(max_length=LONGEST_MESSAGE)] = ""
