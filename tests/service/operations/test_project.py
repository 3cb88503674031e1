"""Entries -> rows and events; the rows always say what the fold says."""

from __future__ import annotations

import json
import math
import uuid
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from service_support import (
    STOP,
    Writer,
    applied,
    asked,
    ended,
    make_offer,
    make_report,
    make_spec,
    reported,
    started,
)
from sqlalchemy.orm import Session

from service.clock import Terms, now
from service.operations import inbox
from service.operations.claim import claim
from service.operations.record import record
from service.operations.submit import submit
from service.store import events, journal, trials
from service.store.database import Database
from service.store.tables import SweepRow
from sweeps.errors import IllegalMoveError, JournalError
from sweeps.journal import Body, CommandApplied, Entry, Judged, Prepared, Story, apply, fold
from sweeps.lifecycle import AttemptEnd, StopReason, TrialState
from sweeps.trial import GO_ON

REASONS = st.sampled_from(AttemptEnd)
VALUES = st.sampled_from([1.0, math.nan, math.inf])
KINDS = st.sampled_from(
    ["stop_trial", "stop_trial", "cancel", "pause", "resume", *["retry_trial"] * 2, "set_budget"]
)


def move(draw: Any, story: Story) -> Body:
    """One move; most of them are legal."""
    known = len(story.trials)
    record_ = story.trials[draw(st.integers(0, known - 1))] if known else None
    if record_ is None or draw(st.integers(0, 9)) == 0:
        return asked(known)
    trial, attempt = record_.trial.number, len(record_.attempts)
    kind = draw(st.sampled_from(["command", "report", "end", "end", "judge"]))
    if kind == "command":
        command = draw(KINDS)
        trials_ = draw(st.integers(1, 9)) if command == "set_budget" else None
        named = trial if command.endswith("_trial") else None
        return CommandApplied(command="c", kind=command, trial=named, trials=trials_)
    if record_.state == TrialState.PAUSED and kind == "judge":
        return Judged(trial=trial, verdict=draw(st.sampled_from([GO_ON, STOP])))
    if record_.state != TrialState.RUNNING:
        return started(trial, attempt + 1)
    if kind == "report":
        report = make_report(draw(st.integers(1, 3)), draw(VALUES))
        return reported(trial, report, draw(st.sampled_from([GO_ON, STOP])), attempt)
    error = draw(st.sampled_from([None, "Boom"]))
    return ended(trial, draw(REASONS), attempt=attempt, gave_up=draw(st.booleans()), error=error)


def fits(story: Story, body: Body) -> bool:
    try:
        apply(story, body)
    except (JournalError, IllegalMoveError):
        return False
    return True


@st.composite
def journals(draw: Any) -> list[list[Entry]]:
    """A legal journal, cut into requests anywhere."""
    story, writer, requests = Story(), Writer(), list[list[Entry]]()
    for _ in range(draw(st.integers(5, 40))):
        body = move(draw, story)
        if not fits(story, body):
            continue
        if not requests or draw(st.booleans()):
            requests.append([])
        requests[-1].append(writer.entry(body))
    return requests


def driven(session: Session) -> SweepRow:
    """A sweep under lease 1, in a pool of its own."""
    pool = f"p{uuid.uuid4().hex}"
    sweep, _ = submit(session, make_spec(pool=pool), None, now())
    claim(session, make_offer(pool=pool, agent=pool), Terms(now(), 60, 5))
    return sweep


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(requests=journals())
def test_the_rows_say_what_the_fold_says(database: Database, requests: list[list[Entry]]) -> None:
    """Any legal journal, cut into any requests, leaves rows that agree with the whole fold."""
    entries = [entry for request in requests for entry in request]
    story = fold(entries)
    with database.write() as session:
        sweep = driven(session)
    for request in requests:
        with database.write() as session:
            record(session, sweep.id, 1, request, now())
    with database.read() as session:
        rows = trials.every(session, sweep.id)
        assert [(row.state, row.reason) for row in rows] == [
            (record_.state, record_.reason) for record_ in story.trials.values()
        ]
        assert {row.number for row in rows if row.stop_requested} == story.stop_requested
        kept = session.get_one(SweepRow, sweep.id)
        assert kept.budget_trials == story.budget_trials
        for row, told in zip(rows, story.trials.values(), strict=True):
            assert row.attempts == len(told.attempts)
            assert [line.point for line in trials.reports(session, row.id)] == sorted(told.reports)
            past = trials.attempts(session, row.id)
            assert [(one.ended, one.error) for one in past] == [
                (one.ended, one.error) for one in told.attempts
            ]
        assert journal.story(session, sweep.id).seq == len(entries)


@pytest.mark.parametrize("reason", [AttemptEnd.LOST, AttemptEnd.FAILED, AttemptEnd.PREEMPTED])
@pytest.mark.parametrize("kind", ["stop_trial", "cancel"])
def test_a_stop_of_an_earlier_request_is_remembered(
    database: Database, kind: str, reason: AttemptEnd
) -> None:
    """Trial 1 was asked after a cancel, or is another: nobody wanted that one stopped."""
    first, second = applied("c", kind, 0 if kind == "stop_trial" else None), asked(1)
    bodies = [asked(0), started(0), first, second, started(1), ended(0, reason), ended(1, reason)]
    with database.write() as session:
        sweep = driven(session)
    for entry in Writer().entries(*bodies):
        with database.write() as session:
            record(session, sweep.id, 1, [entry], now())
    with database.read() as session:
        rows = trials.every(session, sweep.id)
        assert [(row.state, row.reason) for row in rows] == [
            (TrialState.STOPPED, StopReason.USER),
            (TrialState.PENDING, None),
        ]


def test_a_stop_that_came_too_late_does_not_hold_for_a_retry(database: Database) -> None:
    """It found a FAILED trial, and stopped nothing."""
    fails = {"gave_up": True, "error": "Boom"}
    bodies = [
        *(asked(0), started(0), ended(0, AttemptEnd.FAILED, **fails)),
        *(applied("s", "stop_trial", 0), applied("r", "retry_trial", 0), started(0, 2)),
        ended(0, AttemptEnd.LOST, attempt=2),
    ]
    states = []
    with database.write() as session:
        sweep = driven(session)
    for entry in Writer().entries(*bodies):
        with database.write() as session:
            record(session, sweep.id, 1, [entry], now())
            states.append(trials.every(session, sweep.id)[0].state)
    assert states[2:] == ["FAILED", "FAILED", "PENDING", "RUNNING", "PENDING"]


def test_a_revived_trial_waits_for_a_slot(session: Session) -> None:
    sweep = driven(session)
    verdict = GO_ON.model_copy(update={"reason": "revived", "message": "Others did worse."})
    lines = [asked(0), started(0), reported(0, make_report(1)), ended(0, AttemptEnd.PAUSED)]
    lines.append(Judged(trial=0, verdict=verdict))
    record(session, sweep.id, 1, Writer().entries(*lines), now())
    (row,) = trials.every(session, sweep.id)
    assert (row.state, row.verdict) == ("PENDING", verdict.model_dump_json())
    told, _ = events.after(session, sweep.id, 2, 50)
    assert [(one.type, one.data.get("reason")) for one in told[-2:]] == [
        ("verdict", "revived"),
        ("trial", None),
    ]
    assert told[-1].data["state"] == "PENDING"


def test_the_newest_budget_stands(session: Session) -> None:
    """The row already holds one that waits; the journal's older one does not take it back."""
    sweep = driven(session)
    first = inbox.give(session, sweep, "set_budget", now(), trials=5)
    second = inbox.give(session, sweep, "set_budget", now(), trials=9)
    sweep.budget_trials = 9
    writer = Writer()
    for row, trials_ in ((first, 5), (second, 9)):
        body = CommandApplied(command=row.id, kind="set_budget", trials=trials_)
        record(session, sweep.id, 1, writer.entries(body), now())
        assert (sweep.budget_trials, sweep.revision) == (9, 1)
    record(
        session,
        sweep.id,
        1,
        writer.entries(CommandApplied(command="own", kind="set_budget", trials=4)),
        now(),
    )
    assert (sweep.budget_trials, sweep.revision) == (4, 2)


@pytest.mark.parametrize(("kind", "devices"), [("cpu", 0.0), ("cuda", 4.0)])
def test_cores_are_no_gpus(session: Session, kind: str, devices: float) -> None:
    sweep = driven(session)
    body = Prepared(horizon_samples=320, device_kind=kind, devices_per_trial=4)
    record(session, sweep.id, 1, Writer().entries(body), now())
    assert (sweep.devices_per_trial, sweep.slots_per_trial) == (devices, 4.0)


def test_events_tell_moves_and_verdicts(session: Session) -> None:
    sweep, _ = submit(session, make_spec(), None, now())
    claim(session, make_offer(), Terms(now(), 60, 5))
    lines = Writer().entries(
        asked(0),
        started(0),
        reported(0, make_report(1, math.nan, None, eval_loss=math.inf), STOP),
        ended(0, AttemptEnd.STOPPED, stop_reason=StopReason.PRUNED),
    )
    record(session, sweep.id, 1, lines, now())
    told, _ = events.after(session, sweep.id, 2, 50)
    assert [(event.type, event.data.get("state")) for event in told] == [
        ("trial", "PENDING"),
        ("trial", "RUNNING"),
        ("verdict", None),
        ("trial", "STOPPED"),
    ]
    verdict = told[2].data
    assert (verdict["action"], verdict["loss"], verdict["grad_norm"]) == ("stop", "NaN", None)
    assert verdict["metrics"] == {"eval_loss": "Infinity"}
    assert told[3].data["reason"] == "pruned"
    assert json.dumps(verdict, allow_nan=False)
