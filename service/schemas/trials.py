"""Trials with their attempts, reports and verdicts."""

from __future__ import annotations

from datetime import datetime

from service.schemas.base import Answer, SweepId, TrialId
from sweeps.facts import Facts
from sweeps.lifecycle import TrialState
from sweeps.trial import Params, Report, Role, Verdict


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
