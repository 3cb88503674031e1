"""Entries -> rows and events; the rows always say what the fold says."""

from __future__ import annotations

import json
import math

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
from service.operations.claim import claim
from service.operations.record import record
from service.operations.submit import submit
from service.store import events, journal, trials
from service.store.database import Database
from sweeps.errors import IllegalMoveError, JournalError
from sweeps.journal import Body, Story, apply
from sweeps.lifecycle import AttemptEnd, StopReason
from sweeps.trial import GO_ON

NUMBER = st.integers(0, 3)
BODIES = st.one_of(
    st.builds(asked, NUMBER),
    st.builds(started, NUMBER, st.integers(1, 3)),
    st.builds(
        reported,
        NUMBER,
        st.builds(make_report, st.integers(1, 3), st.sampled_from([1.0, math.nan, math.inf])),
        st.sampled_from([GO_ON, STOP]),
        st.integers(1, 3),
    ),
    st.builds(
        ended,
        NUMBER,
        st.sampled_from(AttemptEnd),
        attempt=st.integers(1, 3),
        gave_up=st.booleans(),
        error=st.sampled_from([None, "Boom"]),
    ),
    st.builds(applied, st.just("c"), st.sampled_from(["pause", "resume"])),
    st.builds(applied, st.just("c"), st.just("stop_trial"), NUMBER),
)


def fits(story: Story, body: Body) -> bool:
    try:
        apply(story, body)
    except (JournalError, IllegalMoveError):
        return False
    return True


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(bodies=st.lists(BODIES, min_size=10, max_size=60), cut=st.integers(1, 20))
def test_the_rows_say_what_the_fold_says(
    database: Database, bodies: list[Body], cut: int
) -> None:
    """Any journal that folds, sent in pieces, leaves rows that agree with the whole fold."""
    story = Story()
    entries = Writer().entries(*(body for body in bodies if fits(story, body)))
    with database.write() as session:
        pool = f"p{now().timestamp()}".replace(".", "-")
        sweep, _ = submit(session, make_spec(pool=pool), None, now())
        claim(session, make_offer(pool=pool, agent=pool), Terms(now(), 60, 5))
    for first in range(0, len(entries), cut):
        with database.write() as session:
            record(session, sweep.id, 1, entries[first : first + cut], now())
    with database.read() as session:
        rows = trials.every(session, sweep.id)
        assert [(row.state, row.reason) for row in rows] == [
            (record_.state, record_.reason) for record_ in story.trials.values()
        ]
        for row, told in zip(rows, story.trials.values(), strict=True):
            assert row.attempts == len(told.attempts)
            assert [line.point for line in trials.reports(session, row.id)] == sorted(told.reports)
            past = trials.attempts(session, row.id)
            assert [(one.ended, one.error) for one in past] == [
                (one.ended, one.error) for one in told.attempts
            ]
        assert journal.story(session, sweep.id).seq == len(entries)


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
