"""From the entries of a journal to the story that they tell."""

from __future__ import annotations

from collections.abc import Iterable

from sweeps.errors import IllegalMoveError, JournalError
from sweeps.journal.entries import (
    Asked,
    AttemptEnded,
    AttemptStarted,
    Body,
    CommandApplied,
    Entry,
    Judged,
    PastCurves,
    Prepared,
    Reported,
)
from sweeps.journal.story import Story
from sweeps.lifecycle import AttemptEnd, StopReason, TrialState, move_trial
from sweeps.trial import Action, AttemptRecord, Trial, TrialRecord, Verdict


def fold(entries: Iterable[Entry], story: Story | None = None) -> Story:
    """Apply entries in order to `story` (a new one when None) and return it.

    Entries already applied (seq <= story.seq) are skipped, so any repetition is harmless.
    Raises JournalError for a gap or an entry that contradicts the ones before it.
    """
    story = story or Story()
    for entry in entries:
        if entry.seq <= story.seq:
            continue
        if entry.seq != story.seq + 1:
            raise JournalError(f"entry {entry.seq} follows {story.seq}: there is a gap")
        apply(story, entry.body)
        story.seq = entry.seq
    return story


def apply(story: Story, body: Body) -> None:
    """Take one entry into the story. Raises JournalError when it does not fit."""
    match body:
        case Prepared():
            _once(story.prepared is None, "prepared twice")
            story.prepared = body
        case Asked():
            _once(body.trial == len(story.trials), f"trial {body.trial} asked out of order")
            trial = Trial(body.trial, body.params, body.role, body.seed)
            story.trials[body.trial] = TrialRecord(trial, TrialState.PENDING)
        case AttemptStarted():
            record = _trial(story, body.trial)
            _once(body.attempt == len(record.attempts) + 1, "attempts are numbered 1, 2, ...")
            _move(record, TrialState.RUNNING)
            record.attempts.append(AttemptRecord(body.attempt))
        case Reported():
            _report(_trial(story, body.trial), body)
            _estimate(story, body.verdict)
        case AttemptEnded():
            _end(_trial(story, body.trial), body, body.trial in story.stop_requested)
        case CommandApplied():
            _command(story, body)
        case Judged():
            record = _trial(story, body.trial)
            _once(record.state == TrialState.PAUSED, f"trial {body.trial} is not parked")
            if body.verdict.action is Action.STOP:
                _move(record, TrialState.STOPPED, StopReason.PRUNED)
            elif body.verdict.action is Action.CONTINUE:
                _move(record, TrialState.PENDING)
            before = record.verdicts.get(_last_point(record))
            record.verdicts[_last_point(record)] = body.verdict
            if before is None or before.evidence != body.verdict.evidence:
                _estimate(story, body.verdict)
        case PastCurves():
            story.evidence = body.curves


def _report(record: TrialRecord, body: Reported) -> None:
    _open_attempt(record, body.attempt).inherited = body.report.inherited or 0
    if body.report.point not in record.reports:
        record.reports[body.report.point] = body.report
        record.verdicts[body.report.point] = body.verdict


def _estimate(story: Story, verdict: Verdict) -> None:
    """Not for a verdict that repeats the evidence of an earlier one. Parked trials are stopped one
    by one, each with an estimate over those that are left: the first of these counts."""
    known = story.estimated
    again = known is not None and known.action is verdict.action is Action.STOP
    if verdict.evidence.details.get("miss_risk") is not None and not again:
        story.estimated = verdict


def _end(record: TrialRecord, body: AttemptEnded, stop_requested: bool) -> None:
    attempt = _open_attempt(record, body.attempt)
    attempt.ended, attempt.error = body.reason, body.error
    attempt.samples, attempt.seconds, attempt.kept = body.samples, body.seconds, body.kept
    if stop_requested and body.reason is not AttemptEnd.FINISHED:
        # However the attempt ended, the user wanted no other.
        _move(record, TrialState.STOPPED, body.stop_reason or StopReason.USER)
        return
    match body.reason:
        case AttemptEnd.FINISHED:
            _move(record, TrialState.DONE)
        case AttemptEnd.STOPPED:
            _move(record, TrialState.STOPPED, body.stop_reason or StopReason.PRUNED)
        case AttemptEnd.PAUSED:
            _move(record, TrialState.PAUSED)
        case AttemptEnd.PREEMPTED | AttemptEnd.LOST | AttemptEnd.FAILED:
            _move(record, TrialState.FAILED if body.gave_up else TrialState.PENDING)
            record.reason = body.error if body.gave_up else record.reason


def _command(story: Story, body: CommandApplied) -> None:
    match body.kind:
        case "stop_trial":
            _stop_by_user(story, _trial(story, -1 if body.trial is None else body.trial))
        case "retry_trial":
            _retry(_trial(story, -1 if body.trial is None else body.trial))
        case "set_budget":
            _once(body.trials is not None and body.trials > 0, "set_budget needs trials > 0")
            story.budget_trials = body.trials
        case "pause":
            story.paused = True
        case "resume":
            story.paused = False
        case "cancel":
            story.cancelled = True
            for record in story.trials.values():
                _stop_by_user(story, record)
    story.commands.add(body.command)


def _retry(record: TrialRecord) -> None:
    """A failed trial waits for another attempt; one that has not failed is left alone."""
    if record.state == TrialState.FAILED:
        record.forgiven = len(record.attempts)
        _move(record, TrialState.PENDING)


def _stop_by_user(story: Story, record: TrialRecord) -> None:
    """A waiting trial stops at once; a running one is stopped by the end of its attempt."""
    if record.state in (TrialState.PENDING, TrialState.PAUSED):
        _move(record, TrialState.STOPPED, StopReason.USER)
    elif record.state == TrialState.RUNNING:
        story.stop_requested.add(record.trial.number)


def _move(record: TrialRecord, to: TrialState, reason: str | None = None) -> None:
    try:
        record.state = move_trial(TrialState(record.state), to)
    except IllegalMoveError as error:
        raise JournalError(f"trial {record.trial.number}: {error}") from error
    record.reason = reason


def _trial(story: Story, number: int) -> TrialRecord:
    if number not in story.trials:
        raise JournalError(f"trial {number} was never asked")
    return story.trials[number]


def _open_attempt(record: TrialRecord, number: int) -> AttemptRecord:
    _once(
        bool(record.attempts) and record.attempts[-1].number == number,
        f"attempt {number} of trial {record.trial.number} is not the running one",
    )
    _once(record.attempts[-1].ended is None, f"attempt {number} has already ended")
    return record.attempts[-1]


def _last_point(record: TrialRecord) -> int:
    return max(record.reports, default=0)


def _once(fits: bool, message: str) -> None:
    if not fits:
        raise JournalError(message)
