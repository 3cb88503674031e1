from __future__ import annotations

import pytest
from hypothesis import given, settings
from journals import PAUSE, STOP, journals
from stories import Script, make_report

from sweeps.errors import JournalError
from sweeps.journal import (
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
    Story,
    apply,
    fold,
)
from sweeps.lifecycle import TRIAL_ENDS, AttemptEnd, StopReason, TrialState
from sweeps.trial import GO_ON


def told(story: Story) -> str:
    """A story as text: NaN is equal to NaN."""
    return repr(story)


@given(journals())
@settings(max_examples=150)
def test_a_story_is_consistent(entries: list[Entry]) -> None:
    story = fold(entries)
    assert list(story.trials) == list(range(len(story.trials)))
    for record in story.trials.values():
        running = [attempt for attempt in record.attempts if attempt.ended is None]
        assert (len(running) == 1) == (record.state == TrialState.RUNNING)
        assert len(running) <= 1
        assert set(record.reports) <= set(record.verdicts)
        assert [a.number for a in record.attempts] == list(range(1, len(record.attempts) + 1))
        assert record.state in list(TrialState)


@given(journals())
@settings(max_examples=100)
def test_what_has_ended_stays_ended_unless_it_failed_and_is_retried(entries: list[Entry]) -> None:
    story, ended = Story(), dict[int, str]()
    for entry in entries:
        fold([entry], story)
        body = entry.body
        if isinstance(body, CommandApplied) and body.kind == "retry_trial":
            retried = -1 if body.trial is None else body.trial
            if ended.get(retried) == TrialState.FAILED:
                assert story.trials[retried].state == TrialState.PENDING
                del ended[retried]
        for number, state in ended.items():
            assert story.trials[number].state == state
        ended = {n: r.state for n, r in story.trials.items() if r.state in TRIAL_ENDS}


def test_a_gap_is_an_error() -> None:
    script = Script()
    script.ask()
    with pytest.raises(JournalError, match="gap"):
        fold(script.entries[1:])


def test_the_first_report_of_a_point_stands() -> None:
    script = Script()
    trial = script.ask()
    script.say(trial, make_report(3, 1.0))
    script.say(trial, make_report(3, 2.0), STOP)
    record = script.story.trials[trial]
    assert record.reports[3] == make_report(3, 1.0)
    assert record.verdicts[3] == GO_ON


@pytest.mark.parametrize(
    ("reason", "gave_up", "state", "why"),
    [
        (AttemptEnd.FINISHED, False, "DONE", None),
        (AttemptEnd.STOPPED, False, "STOPPED", "pruned"),
        (AttemptEnd.PAUSED, False, "PAUSED", None),
        (AttemptEnd.PREEMPTED, False, "PENDING", None),
        (AttemptEnd.LOST, False, "PENDING", None),
        (AttemptEnd.FAILED, False, "PENDING", None),
        (AttemptEnd.FAILED, True, "FAILED", "boom"),
        (AttemptEnd.LOST, True, "FAILED", "boom"),
    ],
)
def test_the_end_of_an_attempt_moves_its_trial(
    reason: AttemptEnd, gave_up: bool, state: str, why: str | None
) -> None:
    script = Script()
    trial = script.ask()
    script.end(trial, reason, 70, error="boom", gave_up=gave_up, seconds=2.5)
    record = script.story.trials[trial]
    assert (record.state, record.reason) == (state, why)
    attempt = record.attempts[-1]
    assert (attempt.ended, attempt.samples, attempt.seconds) == (reason, 70, 2.5)


def test_a_user_stops_a_running_trial_through_the_end_of_its_attempt() -> None:
    script = Script()
    trial = script.ask()
    script.add(CommandApplied(command="c", kind="stop_trial", trial=trial))
    assert script.story.trials[trial].state == "RUNNING"
    assert script.story.stop_requested == {trial}
    script.end(trial, AttemptEnd.STOPPED, 10, stop_reason=StopReason.USER)
    assert script.story.trials[trial].state == "STOPPED"
    assert script.story.trials[trial].reason == "user"


def test_cancel_stops_what_waits_and_asks_what_runs() -> None:
    script = Script()
    waiting, running, done = script.ask(), script.ask(), script.ask()
    script.end(waiting, AttemptEnd.PAUSED, 10)
    script.end(done)
    script.add(CommandApplied(command="c", kind="cancel"))
    assert script.story.cancelled
    states = [script.story.trials[n].state for n in (waiting, running, done)]
    assert states == ["STOPPED", "RUNNING", "DONE"]
    assert script.story.stop_requested == {running}


def test_a_parked_trial_that_is_judged_to_go_on_waits_for_a_slot() -> None:
    script = Script()
    trial = script.ask()
    script.say(trial, make_report(1), PAUSE)
    script.end(trial, AttemptEnd.PAUSED, 100)
    script.add(Judged(trial=trial, verdict=PAUSE))
    assert script.story.trials[trial].state == "PAUSED"
    script.add(Judged(trial=trial, verdict=GO_ON))
    assert script.story.trials[trial].state == "PENDING"
    assert script.story.trials[trial].verdicts == {1: GO_ON}
    script.start(trial)
    assert script.story.trials[trial].state == "RUNNING"


def test_a_retried_trial_waits_and_forgets_its_reason() -> None:
    script = Script()
    failed, done = script.ask(), script.ask()
    script.end(failed, AttemptEnd.FAILED, 10, error="out of memory", gave_up=True)
    script.end(done)
    for trial in (failed, done):
        script.add(CommandApplied(command=f"c{trial}", kind="retry_trial", trial=trial))
    record = script.story.trials[failed]
    assert (record.state, record.reason, record.forgiven) == ("PENDING", None, 1)
    assert script.story.trials[done].state == "DONE"


def test_the_last_budget_set_is_the_budget() -> None:
    script = Script()
    assert script.story.budget_trials is None
    for number in (5, 3):
        script.add(CommandApplied(command=f"c{number}", kind="set_budget", trials=number))
    assert script.story.budget_trials == 3


def test_pause_and_resume() -> None:
    script = Script()
    script.add(CommandApplied(command="a", kind="pause"))
    assert script.story.paused is True
    script.add(CommandApplied(command="b", kind="resume"))
    assert fold(script.entries).paused is False
    assert script.story.commands == {"a", "b"}


def test_evidence_is_kept() -> None:
    script = Script()
    script.add(PastCurves(curves=[{"a": 1}]))
    assert script.story.evidence == [{"a": 1}]


def asked(number: int) -> Asked:
    return Asked(trial=number, params={})


def reported(trial: int, attempt: int) -> Reported:
    return Reported(trial=trial, attempt=attempt, report=make_report(1), verdict=GO_ON)


def ended(trial: int, attempt: int) -> AttemptEnded:
    return AttemptEnded(trial=trial, attempt=attempt, reason=AttemptEnd.FINISHED)


@pytest.mark.parametrize(
    "body",
    [
        Prepared(horizon_samples=5),
        asked(0),
        asked(3),
        AttemptStarted(trial=0, attempt=2),
        AttemptStarted(trial=0, attempt=3),
        AttemptStarted(trial=9, attempt=1),
        AttemptStarted(trial=1, attempt=2),
        reported(0, 2),
        reported(1, 1),
        reported(9, 1),
        ended(1, 1),
        ended(0, 2),
        CommandApplied(command="c", kind="stop_trial", trial=9),
        CommandApplied(command="c", kind="stop_trial"),
        CommandApplied(command="c", kind="retry_trial", trial=9),
        CommandApplied(command="c", kind="set_budget"),
        CommandApplied(command="c", kind="set_budget", trials=0),
        Judged(trial=0, verdict=STOP),
        Judged(trial=1, verdict=STOP),
        Judged(trial=9, verdict=GO_ON),
    ],
)
def test_an_entry_that_does_not_fit_is_refused_and_changes_nothing(body: Body) -> None:
    """Trial 0 runs its first attempt, trial 1 is done."""
    script = Script()
    script.ask()
    script.end(script.ask())
    before = told(script.story)
    with pytest.raises(JournalError):
        apply(script.story, body)
    assert told(script.story) == before
