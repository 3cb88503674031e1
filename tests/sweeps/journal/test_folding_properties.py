"""What holds of every journal, with revivals, retries and changes of the budget in it."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from journals import anything, journals

from sweeps.errors import JournalError
from sweeps.journal import (
    ENTRIES,
    Asked,
    AttemptEnded,
    AttemptStarted,
    Body,
    CommandApplied,
    Entry,
    Judged,
    Story,
    apply,
    fold,
)
from sweeps.lifecycle import AttemptEnd, TrialState, move_trial
from sweeps.trial import Action


def told(story: Story) -> str:
    """A story as text: NaN is equal to NaN."""
    return repr(story)


def after(entries: list[Entry]) -> list[tuple[Entry, dict[int, str], dict[int, str]]]:
    """Every entry with the states of all trials before and after it."""
    story, found = Story(), []
    for entry in entries:
        before = {number: record.state for number, record in story.trials.items()}
        fold([entry], story)
        now = {number: record.state for number, record in story.trials.items()}
        found.append((entry, before, now))
    return found


@given(journals())
@settings(max_examples=60, deadline=None)
def test_a_crash_at_any_entry_changes_nothing(entries: list[Entry]) -> None:
    whole, story = told(fold(entries)), Story()
    for cut in range(len(entries) + 1):
        assert told(fold(entries[cut:], fold(entries[:cut]))) == whole
        fold(entries[: cut + 1], story)
    assert told(story) == whole


@given(journals(), st.data())
@settings(max_examples=60, deadline=None)
def test_repetition_changes_nothing(entries: list[Entry], data: st.DataObject) -> None:
    sent = list[Entry]()
    for entry in entries:
        sent.append(entry)
        sent += data.draw(st.lists(st.sampled_from(sent), max_size=2))
    assert told(fold(sent)) == told(fold(entries)) == told(fold(entries, fold(entries)))


@given(journals().filter(lambda entries: len(entries) > 1), st.data())
@settings(max_examples=60, deadline=None)
def test_a_gap_or_a_swap_is_an_error(entries: list[Entry], data: st.DataObject) -> None:
    lost = data.draw(st.integers(0, len(entries) - 2))
    with pytest.raises(JournalError, match=f"entry {lost + 2} follows {lost}"):
        fold([*entries[:lost], *entries[lost + 1 :]])
    swapped = [*entries[:lost], entries[lost + 1], entries[lost], *entries[lost + 2 :]]
    with pytest.raises(JournalError, match="gap"):
        fold(swapped)


@given(journals())
@settings(max_examples=40, deadline=None)
def test_a_journal_survives_json(entries: list[Entry]) -> None:
    text = ENTRIES.dump_json(entries)
    assert told(fold(ENTRIES.validate_json(text))) == told(fold(entries))
    assert ENTRIES.dump_json(ENTRIES.validate_json(text)) == text


@given(journals(), anything)
@settings(max_examples=300, deadline=None)
def test_an_entry_fits_or_is_refused_and_changes_nothing(entries: list[Entry], body: Body) -> None:
    story = fold(entries)
    before = told(story)
    try:
        apply(story, body)
    except JournalError:
        assert told(story) == before


@given(journals())
@settings(max_examples=100, deadline=None)
def test_trials_move_by_the_table_and_each_move_has_its_entry(entries: list[Entry]) -> None:
    for entry, before, now in after(entries):
        body, moved = entry.body, {n for n in before if before[n] != now[n]}
        for number in moved:
            move_trial(TrialState(before[number]), TrialState(now[number]))
            match before[number], now[number]:
                case "FAILED", to:
                    assert to == "PENDING"
                    assert isinstance(body, CommandApplied)
                    assert (body.kind, body.trial) == ("retry_trial", number)
                case "PAUSED", "PENDING":
                    assert isinstance(body, Judged)
                    assert body.verdict.action is Action.CONTINUE
                case _, "RUNNING":
                    assert isinstance(body, AttemptStarted)
                case "RUNNING", _:
                    assert isinstance(body, AttemptEnded)
                case "PENDING" | "PAUSED", "STOPPED":
                    assert isinstance(body, CommandApplied | Judged)
                case _:
                    raise AssertionError(f"{before[number]} -> {now[number]} by {body}")
        cancels = isinstance(body, CommandApplied) and body.kind == "cancel"
        assert len(moved) <= 1 or cancels
        assert len(now) - len(before) == isinstance(body, Asked)


@given(journals())
@settings(max_examples=100, deadline=None)
def test_done_and_stopped_are_for_ever(entries: list[Entry]) -> None:
    for _, before, now in after(entries):
        for number, state in before.items():
            assert state not in ("DONE", "STOPPED") or now[number] == state


@given(journals())
@settings(max_examples=100, deadline=None)
def test_a_story_is_consistent(entries: list[Entry]) -> None:
    story = fold(entries)
    assert list(story.trials) == list(range(len(story.trials)))
    for record in story.trials.values():
        open_ones = [attempt for attempt in record.attempts if attempt.ended is None]
        assert len(open_ones) == (record.state == "RUNNING")
        assert [a.number for a in record.attempts] == list(range(1, len(record.attempts) + 1))
        assert set(record.reports) <= set(record.verdicts)
        assert 0 <= record.forgiven <= len(record.attempts)
        last = record.attempts[-1].ended if record.attempts else None
        if record.state == "PAUSED":
            assert last == AttemptEnd.PAUSED
        if record.state == "DONE":
            assert last == AttemptEnd.FINISHED
        if record.state == "FAILED":
            assert last in (AttemptEnd.FAILED, AttemptEnd.LOST, AttemptEnd.PREEMPTED)


@given(journals())
@settings(max_examples=100, deadline=None)
def test_the_story_counts_what_the_journal_holds(entries: list[Entry]) -> None:
    """Read off the entries without the fold."""
    story, bodies = fold(entries), [entry.body for entry in entries]
    commands = [body for body in bodies if isinstance(body, CommandApplied)]
    budgets = [body.trials for body in commands if body.kind == "set_budget"]
    assert story.seq == len(entries)
    assert story.budget_trials == (budgets[-1] if budgets else None)
    assert story.commands == {body.command for body in commands}
    assert story.cancelled == any(body.kind == "cancel" for body in commands)
    switches = [body.kind for body in commands if body.kind in ("pause", "resume")]
    assert story.paused == (switches[-1:] == ["pause"])
    started = Counter(body.trial for body in bodies if isinstance(body, AttemptStarted))
    ended = Counter(body.trial for body in bodies if isinstance(body, AttemptEnded))
    for number, record in story.trials.items():
        assert len(record.attempts) == started[number]
        assert sum(attempt.ended is not None for attempt in record.attempts) == ended[number]


@given(journals())
@settings(max_examples=100, deadline=None)
def test_a_retry_forgives_the_attempts_before_it_and_only_those(entries: list[Entry]) -> None:
    story, forgiven = Story(), Counter[int]()
    for entry in entries:
        body = entry.body
        if isinstance(body, CommandApplied) and body.kind == "retry_trial":
            record = story.trials[-1 if body.trial is None else body.trial]
            if record.state == "FAILED":
                forgiven[record.trial.number] = len(record.attempts)
        fold([entry], story)
    for number, record in story.trials.items():
        assert record.forgiven == forgiven[number]
