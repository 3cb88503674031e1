"""What a journal is made of: everything that decisions depend on."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from sweeps.lifecycle import AttemptEnd, StopReason
from sweeps.trial import Params, Report, Role, Verdict
from sweeps.wire import Wire


class Prepared(Wire):
    """What the first driver found out before the first trial: the run's length in samples, and
    what the data is. Written once, so that a later driver plans the same runs. `rows` are the rows
    beside the search that the recipe can make (`sweeps.baselines`), `phase_samples` the lengths of
    the phases, which add up to the horizon, `ranks` the processes that share a trial."""

    type: Literal["prepared"] = "prepared"
    horizon_samples: int
    train_samples: int | None = None
    eval_samples: int | None = None
    data_digest: str | None = None
    device_kind: str = "cpu"
    devices_per_trial: float = 0
    rows: list[Role] = []
    phase_samples: list[int] = []
    micro_batch_tokens: int | None = None
    ranks: int = 1


class Asked(Wire):
    """The searcher's configuration for trial `trial` (0, 1, ... without gaps)."""

    type: Literal["asked"] = "asked"
    trial: int
    params: Params
    role: Role = Role.SEARCH
    seed: int = 0


class AttemptStarted(Wire):
    """Attempt `attempt` (1, 2, ...) of a trial was given a slot."""

    type: Literal["attempt_started"] = "attempt_started"
    trial: int
    attempt: int


class Reported(Wire):
    """A report with its verdict. The first one of (trial, point) stands."""

    type: Literal["report"] = "report"
    trial: int
    attempt: int
    report: Report
    verdict: Verdict


class AttemptEnded(Wire):
    """An attempt is over. `gave_up`: its trial has failed, and waits for no other. Not `kept`: it
    was told to leave and had nothing to save, so the next one starts anew."""

    type: Literal["attempt_ended"] = "attempt_ended"
    trial: int
    attempt: int
    reason: AttemptEnd
    samples: int = 0
    seconds: float = 0.0
    error: str | None = None
    stop_reason: StopReason | None = None
    gave_up: bool = False
    kept: bool = True


CommandKind = Literal["pause", "resume", "cancel", "stop_trial", "retry_trial", "set_budget"]


class CommandApplied(Wire):
    """A user's command took effect. `trial` is None for commands to the whole sweep; `trials` is
    the new budget of `set_budget`, None for all others."""

    type: Literal["command_applied"] = "command_applied"
    command: str
    kind: CommandKind
    trial: int | None = None
    trials: int | None = None


class Judged(Wire):
    """A verdict on a parked trial, outside any report of its own: CONTINUE revives it (it waits
    for a slot), STOP ends it, PAUSE leaves it parked."""

    type: Literal["judged"] = "judged"
    trial: int
    verdict: Verdict


class PastCurves(Wire):
    """A snapshot of past sweeps' curves, frozen at the first claim."""

    type: Literal["evidence"] = "evidence"
    curves: list[dict[str, Any]] = []


Body = Annotated[
    Prepared
    | Asked
    | AttemptStarted
    | Reported
    | AttemptEnded
    | CommandApplied
    | Judged
    | PastCurves,
    Field(discriminator="type"),
]


class Entry(Wire):
    """One line of a journal. `seq` is dense from 1; `at` is RFC 3339 UTC, shown and never read."""

    seq: int = Field(ge=1)
    at: str
    body: Body


# A list has no config of its own: without this one, NaN inside it would be written as null.
ENTRIES: TypeAdapter[list[Entry]] = TypeAdapter(list[Entry], config=Entry.model_config)
