"""Trial rows -> what users see, and the answer to "why is it where it is?"."""

from __future__ import annotations

import json

from sqlalchemy.orm import Session

from service.schemas import Attempt, ReportLine, SweepReport, Trial, TrialDetail, Why
from service.store import trials
from service.store.columns import decode
from service.store.tables import AttemptRow, ReportRow, TrialRow
from sweeps.facts import Facts, facts, rests_on_something
from sweeps.faults import headline
from sweeps.lifecycle import TRIAL_ENDS, StopReason, TrialState
from sweeps.trial import Action, Report, Role, Verdict, trial_id


def trial(row: TrialRow) -> Trial:
    """One trial in a list."""
    return Trial(
        id=row.id,
        sweep_id=row.sweep_id,
        number=row.number,
        role=Role(row.role),
        params=json.loads(row.params),
        seed=row.seed,
        state=TrialState(row.state),
        reason=row.reason,
        attempts=row.attempts,
        point=row.point,
        samples=row.samples,
        value=decode(row.value, row.value_code),
        loss=decode(row.loss, row.loss_code),
        grad_norm=decode(row.grad_norm, row.grad_norm_code),
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def detail(session: Session, row: TrialRow) -> TrialDetail:
    """One trial with all its attempts and reports."""
    return TrialDetail(
        **dict(trial(row)),
        history=[_attempt(one) for one in trials.attempts(session, row.id)],
        reports=[_line(one) for one in trials.reports(session, row.id)],
    )


def report(number: int, row: ReportRow) -> SweepReport:
    """One report of trial `number` among all of its sweep's."""
    return SweepReport(**dict(_line(row)), trial_id=row.trial_id, number=number)


def why(session: Session, row: TrialRow) -> Why:
    """Why the trial is where it is, with the verdict that ended it or else the latest one."""
    verdict = None if row.verdict is None else Verdict.model_validate_json(row.verdict)
    lines = [_line(one) for one in trials.reports(session, row.id)]
    history = trials.attempts(session, row.id)
    audit = next((_facts(line) for line in lines if line.verdict.audit), None)
    latest = None if verdict is None else facts(verdict, row.point, row.samples)
    basis = audit or latest
    return Why(
        trial_id=row.id,
        sweep_id=row.sweep_id,
        number=row.number,
        state=TrialState(row.state),
        reason=row.reason,
        message=_audited(row, audit) if audit else _sentence(row, verdict, history),
        verdict=verdict,
        point=row.point,
        samples=row.samples,
        peers=[trial_id(row.sweep_id, number) for number in (basis.peers if basis else [])],
        guard=lines[-1].report.guard if lines else None,
        error=next((one.error for one in reversed(history) if one.error), None),
        facts=basis,
        verdicts=[_facts(line) for line in lines if rests_on_something(line.verdict)],
    )


def _facts(line: ReportLine) -> Facts:
    return facts(line.verdict, line.report.point, line.report.samples)


def _audited(row: TrialRow, audit: Facts) -> str:
    runs = "runs on" if row.state not in TRIAL_ENDS else "ran on"
    return f"It was condemned at point {audit.point} and {runs} as an audit. {audit.message}"


def _sentence(row: TrialRow, verdict: Verdict | None, history: list[AttemptRow]) -> str:
    match TrialState(row.state):
        case TrialState.DONE:
            return "It ran to the end of its horizon; nothing stopped it."
        case TrialState.STOPPED if row.reason == StopReason.USER:
            return "A user stopped it."
        case TrialState.STOPPED if row.reason == StopReason.BUDGET:
            return "The sweep's budget was spent."
        case TrialState.STOPPED:
            return verdict.message if verdict else "It was pruned."
        case TrialState.FAILED:
            return f"It failed {len(history)} time(s); the last error: {_error(row.reason)}"
        case TrialState.PAUSED:
            return f"It is parked. {verdict.message if verdict else ''}".strip()
        case TrialState.PENDING if history:
            return f"Attempt {len(history)} ended ({history[-1].ended}); it waits for another."
        case TrialState.PENDING:
            return "It has not started; it waits for a slot."
        case TrialState.RUNNING:
            return "It runs, and has not reported yet." if verdict is None else _running(verdict)


def _running(verdict: Verdict) -> str:
    if verdict.action is Action.CONTINUE:
        return f"It runs. The latest verdict lets it go on: {verdict.message}"
    return f"It still runs, and is told to {verdict.action}: {verdict.message}"


def _error(text: str | None) -> str:
    return headline(text or "") or "none was recorded"


def _attempt(row: AttemptRow) -> Attempt:
    return Attempt(
        number=row.number,
        started_at=row.started_at,
        ended_at=row.ended_at,
        ended=row.ended,
        samples=row.samples,
        seconds=decode(row.seconds, row.seconds_code) or 0.0,
        error=row.error,
    )


def _line(row: ReportRow) -> ReportLine:
    return ReportLine(
        attempt=row.attempt,
        at=row.at,
        report=Report.model_validate_json(row.report),
        verdict=Verdict.model_validate_json(row.verdict),
    )
