"""A journal entry -> rows and events. What an entry means is decided by `sweeps.journal.apply`."""

from __future__ import annotations

import json
import math
from datetime import datetime

from sqlalchemy.orm import Session

from service.clock import moment
from service.numbers import wired
from service.operations import inbox, moves
from service.operations.loaded import LoadedTrials
from service.store import commands, costs, events, journal, trials
from service.store.columns import encode
from service.store.tables import AttemptRow, ReportRow, SweepRow, TrialRow
from sweeps.journal import (
    Asked,
    AttemptEnded,
    AttemptStarted,
    CommandApplied,
    Entry,
    Judged,
    Prepared,
    Reported,
    Story,
    apply,
)
from sweeps.lifecycle import SweepState, TrialState
from sweeps.metric import value_at
from sweeps.spec import Metric
from sweeps.trial import Report, Verdict, trial_id


class Projection:
    """Takes entries of one locked sweep, in order, inside one transaction."""

    def __init__(self, session: Session, sweep: SweepRow, now: datetime) -> None:
        self._session, self._sweep, self._now = session, sweep, now
        self._trials = LoadedTrials(session, sweep.id)
        self._story = Story(seq=sweep.journal_seq, trials=self._trials)
        self._metric = Metric.model_validate_json(sweep.metric).name

    def take(self, entry: Entry) -> None:
        """Store one entry and all that follows from it.

        Raises JournalError or IllegalMoveError when it does not fit; the transaction is then void.
        """
        body = entry.body
        fresh = self._prepare(body)
        apply(self._story, body)
        journal.add(self._session, self._sweep, entry)
        self._story.seq = entry.seq
        match body:
            case Prepared():
                # On CPUs these are cores; the column is for GPUs, which a plan counts.
                devices = 0.0 if body.device_kind == "cpu" else body.devices_per_trial
                self._sweep.devices_per_trial = devices if math.isfinite(devices) else None
                slots = body.devices_per_trial
                self._sweep.slots_per_trial = slots if math.isfinite(slots) else None
            case Asked():
                self._asked(body)
            case AttemptStarted():
                self._started(body, entry.at)
            case Reported() if fresh:
                self._reported(body, entry.at)
            case AttemptEnded():
                self._ended(body, entry.at)
            case Judged():
                self._judged(body)
            case CommandApplied():
                self._applied(body)
        self._follow(body)

    def _prepare(self, body: object) -> bool:
        """Load what the fold will ask for. True unless the entry is a report that came before."""
        match body:
            case Prepared() if journal.holds(self._session, self._sweep.id, body.type):
                self._story.prepared = body
            case CommandApplied(kind="cancel"):
                self._trials.load_all()
            case AttemptEnded() if body.trial in self._trials:
                # A stop may have come in an earlier request; the fold adds those of this one.
                if self._trials.rows[body.trial].stop_requested:
                    self._story.stop_requested.add(body.trial)
            case Reported() if body.trial in self._trials:
                return body.report.point not in self._trials[body.trial].reports
        return True

    def _asked(self, body: Asked) -> None:
        row = TrialRow(
            id=trial_id(self._sweep.id, body.trial),
            sweep_id=self._sweep.id,
            number=body.trial,
            role=body.role,
            params=json.dumps(wired(body.params)),
            seed=body.seed,
            state=TrialState.PENDING,
            stop_requested=False,
            attempts=0,
            samples=0,
            created_at=self._now,
            updated_at=self._now,
        )
        self._session.add(row)
        self._trials.add(row)
        moves.ask_trial(self._session, self._sweep, row, self._now)

    def _started(self, body: AttemptStarted, at: str) -> None:
        row = self._trials.rows[body.trial]
        row.attempts = body.attempt
        started = moment(at, self._now)
        self._session.add(AttemptRow(trial_id=row.id, number=body.attempt, started_at=started))

    def _reported(self, body: Reported, at: str) -> None:
        row, report = self._trials.rows[body.trial], body.report
        self._session.add(
            ReportRow(
                trial_id=row.id,
                point=report.point,
                attempt=body.attempt,
                at=moment(at, self._now),
                report=report.model_dump_json(),
                verdict=body.verdict.model_dump_json(),
            )
        )
        if row.point is None or report.point > row.point:
            self._show(row, report)
        row.verdict, row.updated_at = body.verdict.model_dump_json(), self._now
        costs.saw(self._session, self._sweep, row, report, self._now)
        self._tell(row, report, body.verdict)

    def _show(self, row: TrialRow, report: Report) -> None:
        """The latest numbers stand in the trial's own row."""
        window = report.window
        row.point, row.samples = report.point, report.samples
        if (value := value_at(report, self._metric)) is not None:
            row.value, row.value_code = encode(value)
        row.loss, row.loss_code = encode(window.loss.value if window.loss else None)
        norm = window.grad_norm
        row.grad_norm, row.grad_norm_code = encode(norm.value if norm else None)

    def _ended(self, body: AttemptEnded, at: str) -> None:
        row = self._trials.rows[body.trial]
        attempt = trials.attempts(self._session, row.id)[-1]
        attempt.ended, attempt.ended_at = body.reason, moment(at, self._now)
        attempt.samples, attempt.error = body.samples, body.error
        attempt.seconds, attempt.seconds_code = encode(body.seconds)

    def _judged(self, body: Judged) -> None:
        row = self._trials.rows[body.trial]
        row.verdict, row.updated_at = body.verdict.model_dump_json(), self._now
        last = trials.last_report(self._session, row.id)
        if last is not None:
            last.verdict = row.verdict
        self._tell(row, None, body.verdict)

    def _applied(self, body: CommandApplied) -> None:
        command = commands.find(self._session, self._sweep.id, body.command)
        if command is not None:
            inbox.applied(self._session, self._sweep, command, self._now)
        state = SweepState(self._sweep.state)
        match body.kind:
            case "pause" if state is SweepState.RUNNING:
                self._move(SweepState.PAUSED, "Paused by a user.")
            case "resume" if state is SweepState.PAUSED:
                self._move(SweepState.QUEUED, "Resumed before its driver left.")
                self._move(SweepState.RUNNING, f"Driven by agent {self._sweep.lease_agent!r}.")
            case "cancel" if state in (SweepState.RUNNING, SweepState.PAUSED):
                self._move(SweepState.STOPPING, "Cancelled by a user.")
            case "set_budget" if body.trials != self._sweep.budget_trials:
                self._budget(body.trials)

    def _budget(self, trials: int | None) -> None:
        """A newer budget that still waits stands in the row already."""
        waiting = commands.waiting(self._session, [self._sweep.id])
        if not any(row.kind == "set_budget" for row in waiting):
            self._sweep.budget_trials = trials
            self._sweep.revision += 1

    def _move(self, to: SweepState, message: str) -> None:
        moves.move(self._session, self._sweep, to, self._now, message)

    def _follow(self, body: object) -> None:
        """Trials whose record the fold moved move in their rows too."""
        number = getattr(body, "trial", None)
        numbers = list(self._trials.rows) if number is None else [number]
        for row, record in ((self._trials.rows[n], self._trials[n]) for n in numbers):
            row.stop_requested = row.number in self._story.stop_requested or row.stop_requested
            if row.state != record.state:
                moves.move_trial_to(
                    self._session,
                    self._sweep,
                    row,
                    TrialState(record.state),
                    record.reason,
                    self._now,
                )

    def _tell(self, row: TrialRow, report: Report | None, verdict: Verdict) -> None:
        window = report.window if report else None
        data = {
            "number": row.number,
            "point": row.point if report is None else report.point,
            "samples": row.samples if report is None else report.samples,
            "action": verdict.action,
            "reason": verdict.reason,
            "message": verdict.message,
            "audit": verdict.audit,
            "loss": window.loss.value if window and window.loss else None,
            "grad_norm": window.grad_norm.value if window and window.grad_norm else None,
            "metrics": report.metrics if report else {},
        }
        events.add(self._session, self._sweep, "verdict", wired(data), self._now, row.id)
