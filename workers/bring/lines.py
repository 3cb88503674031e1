"""The lines that a command and its worker send each other: one JSON object a line, UTF-8."""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import Field, ValidationError

from sweeps.errors import SweepError
from sweeps.faults import faults_of, shorten
from sweeps.wire import Wire

LONGEST = 64 * 1024
MetricName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_./ -]{0,200}$")]


class LineError(SweepError):
    """A command said something that is no line of the protocol; it would say it again."""


class StepLine(Wire):
    """What a command tells after an optimizer step. The numbers are those of `Context.step`.

    `step` counts from 1 at the start of the trial, not of the process: one that does not go on
    from its checkpoint is found out by it. `samples` default to the global batch. `reply: true`
    asks for an order; without it none is sent, and the command cannot be asked to save or evaluate.
    `metrics` are those of an evaluation just made; they count where one is due.
    """

    step: int = Field(ge=1)
    loss: float
    learning_rate: float
    samples: int | None = Field(default=None, ge=1)
    tokens: int = Field(default=0, ge=0)
    grad_norm: float | None = None
    label_tokens: int | None = Field(default=None, ge=0)
    changed: bool = True
    ends: bool = False
    reply: bool = False
    evaluates: bool = False
    metrics: dict[MetricName, float] = {}


class RankLine(Wire):
    """What a process of several says once, when it connects. Rank 0 tells the steps; the others say
    nothing more, and are sent every order that rank 0 is sent."""

    rank: int = Field(ge=0)


class SavedLine(Wire):
    """The answer to `{"order": "save", "folder": ...}`, once the files are written."""

    saved: bool


class MetricsLine(Wire):
    """The answer to `{"order": "evaluate"}`."""

    metrics: dict[MetricName, float]


Line = StepLine | RankLine | SavedLine | MetricsLine
# A line is of the kind whose word it has.
_KINDS: dict[str, type[Line]] = {
    "step": StepLine,
    "rank": RankLine,
    "saved": SavedLine,
    "metrics": MetricsLine,
}


def read_line(text: bytes) -> Line:
    """Raises LineError, which shows the line (shortened) and says what is wrong with it."""
    if len(text) > LONGEST:
        raise _wrong(text, f"this is a line of more than {LONGEST} bytes")
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _wrong(text, f"this is no JSON ({error})") from error
    said = data if isinstance(data, dict) else {}
    kind = next((kind for word, kind in _KINDS.items() if word in said), None)
    if kind is None:
        raise _wrong(text, f"this is no object with one of {', '.join(_KINDS)}")
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        faults = "; ".join(str(fault) for fault in faults_of(error, data, kind))
        raise _wrong(text, faults) from error


def write_line(data: dict[str, Any]) -> bytes:
    """One line with its end."""
    return json.dumps(data).encode() + b"\n"


def _wrong(text: bytes, why: str) -> LineError:
    said = shorten(text[:200].decode(errors="replace"))
    return LineError(f"The command sent {said}: {why}.")
