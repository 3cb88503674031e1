"""Why a trial is where it is, for every state a trial can be in."""

from __future__ import annotations

import math
from typing import Any

import pytest
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
from service.schemas import Why
from service.store import trial_views, trials
from sweeps.lifecycle import AttemptEnd
from sweeps.trial import Action, Evidence, Verdict, trial_id

GUARDED = Verdict(
    action=Action.STOP,
    reason="guard",
    message="Its loss is not finite.",
    evidence=Evidence(signal="loss", value=math.nan, cutoff=3.0, peers=[1, 2]),
)
PARK = Verdict(action=Action.PAUSE, reason="median", message="Worse than most.")
FINE = Verdict(action=Action.CONTINUE, reason="none", message="Nothing spoke against it.")


def why(session: Session, *bodies: Any) -> Why:
    sweep, _ = submit(session, make_spec(), None, now())
    claim(session, make_offer(), Terms(now(), 30, 5))
    record(session, sweep.id, 1, Writer().entries(asked(0), *bodies), now())
    row = trials.numbered(session, sweep.id, 0)
    assert row is not None
    found = trial_views.why(session, row)
    assert found.peers in ([], [trial_id(sweep.id, 1), trial_id(sweep.id, 2)])
    return found


def report(verdict: Verdict, **more: Any) -> Any:
    return reported(0, make_report(1).model_copy(update=more), verdict)


FAILED = ended(0, AttemptEnd.FAILED, error="Traceback\n  x\nCUDA out of memory\n", gave_up=True)
LOST = ended(0, AttemptEnd.LOST, error="the node went away")
BUDGET = ended(0, AttemptEnd.STOPPED, stop_reason="budget")


@pytest.mark.parametrize(
    ("bodies", "said"),
    [
        ([], "It has not started; it waits for a slot."),
        ([started(0)], "It runs, and has not reported yet."),
        ([started(0), report(FINE)], "It runs. The latest verdict lets it go on: Nothing spoke"),
        ([started(0), report(STOP)], "It still runs, and is told to stop: It was worse"),
        ([started(0), ended(0)], "It ran to the end of its horizon; nothing stopped it."),
        ([started(0), LOST], "Attempt 1 ended (lost); it waits for another."),
        ([started(0), FAILED], "It failed 1 time(s); the last error: CUDA out of memory"),
        ([started(0), report(PARK), ended(0, AttemptEnd.PAUSED)], "It is parked. Worse than most."),
        ([started(0), ended(0, AttemptEnd.PAUSED)], "It is parked."),
        ([started(0), ended(0, AttemptEnd.STOPPED)], "It was pruned."),
        ([started(0), BUDGET], "The sweep's budget was spent."),
        ([applied("c", "stop_trial", 0)], "A user stopped it."),
    ],
)
def test_sentences(session: Session, bodies: list[Any], said: str) -> None:
    assert why(session, *bodies).message.startswith(said)


def test_a_guards_verdict_is_told_whole(session: Session) -> None:
    found = why(
        session,
        started(0),
        report(GUARDED, guard="non_finite"),
        ended(0, AttemptEnd.STOPPED, samples=64),
    )
    assert (found.reason, found.message, found.guard) == (
        "pruned",
        "Its loss is not finite.",
        "non_finite",
    )
    assert found.verdict is not None
    assert math.isnan(found.verdict.evidence.value or 0)
    assert (found.point, found.samples, len(found.peers)) == (1, 64, 2)


def test_errors_are_told(session: Session) -> None:
    assert why(session, started(0), LOST).error == "the node went away"
    quiet = ended(0, AttemptEnd.FAILED, gave_up=True)
    assert "none was recorded" in why(session, started(0), quiet).message


CONDEMNED = Verdict(
    action=Action.CONTINUE,
    reason="audit",
    message="It would be parked.",
    evidence=Evidence(signal="loss", value=2.0, peers=[1, 2], probability=0.01),
    audit=True,
)


def test_an_audit_is_explained_by_what_condemned_it(session: Session) -> None:
    on = reported(0, make_report(2), FINE)
    found = why(session, started(0), report(CONDEMNED), on)
    assert found.message == (
        "It was condemned at point 1 and runs on as an audit. It would be parked."
    )
    assert found.facts is not None
    assert (found.facts.audit, found.facts.probability, len(found.peers)) == (True, 0.01, 2)
    assert found.verdict == FINE
    assert [(one.point, one.samples) for one in found.verdicts] == [(1, 64)]


def test_an_audit_that_came_to_its_end(session: Session) -> None:
    found = why(session, started(0), report(CONDEMNED), ended(0))
    assert "and ran on as an audit" in found.message


def test_the_facts_are_those_of_the_latest_verdict(session: Session) -> None:
    found = why(session, started(0), report(GUARDED))
    assert found.facts is not None
    assert (found.facts.signal, found.facts.cutoff, found.facts.point) == ("loss", 3.0, 1)
    assert [one.point for one in found.verdicts] == [1]
    assert why(session).facts is None
