"""What goes over the wire, both ways. Requests refuse unknown keys; answers may grow new ones.

NaN and infinities travel as the strings "NaN", "Infinity", "-Infinity"; null is absent.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, model_validator

from sweeps.cost_model import Measurement
from sweeps.facts import Facts
from sweeps.journal import CommandKind, Entry
from sweeps.lifecycle import SweepState, TrialState
from sweeps.pruning_report import Pooled, PruningReport
from sweeps.space import LARGEST
from sweeps.spec import Metric, Name
from sweeps.trial import Params, Report, Role, Verdict
from sweeps.wire import Wire

SweepId = Annotated[str, Field(pattern=r"^swp_[0-9a-f]{32}$")]
TrialId = Annotated[str, Field(pattern=r"^trl_[0-9a-f]{32}$")]
# Seqs, tokens and event numbers live in 64-bit columns.
Number = Annotated[int, Field(ge=0, lt=2**63)]
Line = Annotated[str, Field(min_length=1, max_length=200)]
# Characters of what a driver says about the end of its sweep.
LONGEST_MESSAGE = 4000


class Answer(Wire):
    """Base of answers: an older client ignores what a newer service adds."""

    model_config = ConfigDict(extra="ignore")


class Tracking(Wire):
    """Where MLflow shows the sweep."""

    experiment_id: Annotated[str, Field(max_length=200)] | None = None
    run_id: Annotated[str, Field(max_length=200)] | None = None
    url: Annotated[str, Field(max_length=2000, pattern=r"^https?://")] | None = None


class Command(Answer):
    """A user's command in the inbox. `trial` is the trial's number, None for the whole sweep;
    `trials` the new budget of `set_budget`."""

    id: str
    kind: CommandKind
    trial: int | None = None
    trials: int | None = None


class Sweep(Answer):
    """One sweep in a list.

    `message` says why it is where it is; for a QUEUED sweep why it does not run. `trials` counts
    trials by state. `pending` are commands that no driver has applied yet. `driven` is true while
    a driver holds an unexpired lease, `slots` are the devices that it may use at once. `priority`,
    `max_parallel` (None: no limit) and `budget_trials` (None: none) are the settings as they stand;
    `revision` counts their changes, and is the ETag.
    """

    id: SweepId
    name: str
    project: str
    labels: dict[str, str]
    state: SweepState
    message: str
    pool: str
    recipe: str
    metric: Metric
    trials: dict[TrialState, int]
    pending: list[Command]
    driven: bool
    slots: int
    revision: int = 1
    priority: int = 0
    max_parallel: int | None = None
    budget_trials: int | None = None
    tracking: Tracking | None
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


class SweepDetail(Sweep):
    """One sweep, whole. `spec` is as `SweepSpec.dump()` writes it; `sweeps.spec.parse` reads it."""

    spec: dict[str, Any]
    journal_seq: int


class SweepPage(Answer):
    """`next_cursor` is None on the last page."""

    items: list[Sweep]
    next_cursor: str | None


class Trial(Answer):
    """One trial in a list.

    `attempts` is how many were started, `point` and `samples` are those of its last report,
    `value` is the sweep's metric as last reported, `loss` and `grad_norm` the last window's.
    `reason` is why it is STOPPED (pruned, user, budget) or, when FAILED, the error.
    """

    id: TrialId
    sweep_id: SweepId
    number: int
    role: Role
    params: Params
    seed: int
    state: TrialState
    reason: str | None
    attempts: int
    point: int | None
    samples: int
    value: float | None
    loss: float | None
    grad_norm: float | None
    created_at: datetime
    updated_at: datetime


class TrialPage(Answer):
    """`next_cursor` is None on the last page."""

    items: list[Trial]
    next_cursor: str | None


class Attempt(Answer):
    """One execution of a trial. `ended` is the reason, None while it runs."""

    number: int
    started_at: datetime
    ended_at: datetime | None
    ended: str | None
    samples: int
    seconds: float
    error: str | None


class ReportLine(Answer):
    """One report with the verdict on it."""

    attempt: int
    at: datetime
    report: Report
    verdict: Verdict


class SweepReport(ReportLine):
    """One report among all of a sweep's. `number` is the trial's."""

    trial_id: TrialId
    number: int


class ReportPage(Answer):
    """`next_cursor` is None on the last page."""

    items: list[SweepReport]
    next_cursor: str | None


class TrialDetail(Trial):
    """One trial, whole: its attempts and its reports with their verdicts, both in order."""

    history: list[Attempt]
    reports: list[ReportLine]


class Why(Answer):
    """Why a trial is where it is.

    `message` is the sentence to show. `verdict` is the one that ended it, else the latest, None
    before the first report; `guard` the guard that tripped; `error` what a FAILED trial died of.
    `facts` are those of the verdict that condemned an audit, else of `verdict`; `peers` are the
    ids of the trials that they name. `verdicts` are the facts of every verdict on the trial that
    rests on any, by decision point.
    """

    trial_id: TrialId
    sweep_id: SweepId
    number: int
    state: TrialState
    reason: str | None
    message: str
    verdict: Verdict | None
    point: int | None
    samples: int
    peers: list[TrialId]
    guard: str | None
    error: str | None
    facts: Facts | None = None
    verdicts: list[Facts] = []


class SweepPruning(Answer):
    """What pruning did to one sweep that is DONE."""

    sweep_id: SweepId
    name: str
    project: str
    ended_at: datetime | None
    report: PruningReport


class PruningHistory(Answer):
    """What pruning did to the sweeps that ended last, the last one first, and to all of `items`
    together."""

    items: list[SweepPruning]
    pooled: Pooled


class Event(Answer):
    """Something happened to a sweep. `id` grows; hand it back as Last-Event-ID to go on from there.

    type and data: `sweep` {state, was, message}; `trial` {number, state, was, reason, params};
    `verdict` {number, point, samples, action, reason, message, audit, loss, grad_norm, metrics};
    `command` {id, kind, trial, trials, status: waiting | applied}. Numbers in `data` that are not
    finite are the strings that the wire uses. `last` is true on the event by which the sweep
    ended; a retry takes it back.
    """

    id: int
    type: Literal["sweep", "trial", "verdict", "command"]
    at: datetime
    sweep_id: SweepId
    trial_id: TrialId | None
    data: dict[str, Any]
    last: bool


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


class PatchBudget(Wire):
    """A new budget. `trials` is the most to ask for in all, never less than were asked."""

    trials: Annotated[int, Field(strict=True, ge=1, lt=LARGEST)]


def _no_default(schema: dict[str, Any]) -> None:
    """What is left out stays: the default in code is never used."""
    del schema["default"]


class PatchSweep(Wire):
    """Settings of a sweep to change; those left out stay. `max_parallel` null is no limit."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    priority: Annotated[int, Field(strict=True, ge=-100, le=100, json_schema_extra=_no_default)] = 0
    max_parallel: Annotated[
        Annotated[int, Field(strict=True, ge=1, lt=LARGEST)] | None,
        Field(json_schema_extra=_no_default),
    ] = None
    budget: Annotated[PatchBudget, Field(json_schema_extra=_no_default)] = PatchBudget(trials=1)

    @model_validator(mode="after")
    def _something(self) -> PatchSweep:
        if not self.model_fields_set:
            raise ValueError("nothing to change: give priority, max_parallel or budget")
        return self


class ClaimRequest(Wire):
    """An agent offers `slots` parallel trials of its pool for one of its recipes.

    `driving` are the sweeps whose driver this agent still has alive: it is given none of them. An
    agent that ends in good order says so by `leaving`; it gets nothing, and is no longer listed.
    """

    agent: Name
    pool: Name
    device_kind: Line = "cpu"
    slots: Annotated[int, Field(ge=1, le=100_000)] = 1
    recipes: Annotated[list[Name], Field(min_length=1, max_length=1000)]
    version: Annotated[str, Field(max_length=100)] = ""
    driving: Annotated[list[SweepId], Field(max_length=1000)] = []
    leaving: bool = False


class Lease(Answer):
    """The right to drive `sweep` (its id) for `expires_in` seconds, renewed every `renew_every`.

    `token` grows with each claim of the sweep; `slots` are the devices to use at most,
    `max_parallel` the trials (None: no limit; it may differ from the spec's, and a renewal may
    change it); `commands` are those not applied yet; `state` is RUNNING.
    """

    sweep: SweepId
    spec: dict[str, Any]
    state: SweepState
    token: int
    slots: int
    max_parallel: int | None = None
    expires_in: float
    renew_every: float
    commands: list[Command]
    tracking: Tracking | None


class RenewRequest(Wire):
    """Keep a lease. `tracking` is stored on the sweep when given."""

    token: Number
    tracking: Tracking | None = None


class Renewal(Answer):
    """What holds until the next renewal, as in the lease."""

    slots: int
    max_parallel: int | None = None
    commands: list[Command]
    expires_in: float
    renew_every: float | None = None


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


class Agent(Answer):
    """An agent as it last called. `alive` is false when it has been silent for a lease's length."""

    name: str
    device_kind: str
    slots: int
    recipes: list[str]
    version: str
    seen_at: datetime
    alive: bool


class Pool(Answer):
    """A named set of devices: its agents, `slots` of the living ones, sweeps there by state."""

    name: str
    slots: int
    agents: list[Agent]
    sweeps: dict[SweepState, int]


class PoolList(Answer):
    """Every pool that an agent serves or a sweep asks for.

    `mlflow_url` is where people open MLflow, None when the service was not told.
    """

    items: list[Pool]
    mlflow_url: str | None = None


class ProblemFault(Answer):
    """One wrong field: RFC 6901 `pointer`, what is wrong, the value found, what to write."""

    pointer: str
    detail: str
    value: str
    mend: str


class Problem(Answer):
    """RFC 9457 problem details; further members depend on the type."""

    type: str
    title: str
    status: int
    detail: str
    instance: str = ""
    errors: list[ProblemFault] = Field(default_factory=list)


class Health(Answer):
    """`status` is "ok", or what is wrong."""

    status: str
    version: str
