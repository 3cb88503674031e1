"""Commands are given and applied, each told once."""

from __future__ import annotations

from service_support import make_spec
from sqlalchemy.orm import Session

from service.clock import now
from service.operations import inbox
from service.operations.submit import submit
from service.store import commands, events


def test_given_applied_settled(session: Session) -> None:
    sweep, _ = submit(session, make_spec(), None, now())
    kinds = ("pause", "resume", "cancel")
    rows = [inbox.give(session, sweep, kind, now()) for kind in kinds]
    inbox.applied(session, sweep, rows[0], now())
    inbox.applied(session, sweep, rows[0], now())
    inbox.settle(session, sweep, now(), ["pause", "resume"])
    assert commands.waiting(session, [sweep.id]) == [rows[2]]
    inbox.settle(session, sweep, now())
    assert commands.waiting(session, [sweep.id]) == []
    told, _ = events.after(session, sweep.id, 1, 50)
    assert [(event.data["kind"], event.data["status"]) for event in told] == [
        *((kind, "waiting") for kind in kinds),
        *((kind, "applied") for kind in kinds),
    ]


def test_a_trials_command_names_the_trial(session: Session) -> None:
    sweep, _ = submit(session, make_spec(), None, now())
    inbox.give(session, sweep, "stop_trial", now(), 3)
    told, _ = events.after(session, sweep.id, 1, 50)
    assert told[0].data["trial"] == 3
    assert told[0].trial_id is not None
