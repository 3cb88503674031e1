"""Commands in the order they were given."""

from __future__ import annotations

from service_support import make_spec
from sqlalchemy.orm import Session

from service.clock import now
from service.operations.submit import submit
from service.store import commands


def test_waiting_latest_and_find(session: Session) -> None:
    one, two = (submit(session, make_spec(), None, now())[0].id for _ in range(2))
    pause = commands.add(session, one, "pause", None, now())
    stop = commands.add(session, one, "stop_trial", 3, now())
    resume = commands.add(session, one, "resume", None, now())
    other = commands.add(session, two, "pause", None, now())
    assert [row.number for row in (pause, stop, resume, other)] == [1, 2, 3, 1]
    assert commands.waiting(session, [one]) == [pause, stop, resume]
    pause.applied_at = now()
    assert set(commands.waiting(session, [one, two])) == {stop, resume, other}
    assert commands.latest(session, one, ["pause", "resume"]) is resume
    assert commands.latest(session, one, ["stop_trial"]) is None
    assert commands.latest(session, one, ["stop_trial"], 3) is stop
    assert commands.find(session, one, stop.id) is stop
    assert commands.find(session, two, stop.id) is None
    assert commands.view(stop).trial == 3
