"""Trials are loaded as the fold asks for them."""

from __future__ import annotations

from service_support import Writer, asked, ended, make_report, make_spec, reported, started
from sqlalchemy.orm import Session

from service.clock import now
from service.operations.loaded import LoadedTrials
from service.operations.project import Projection
from service.operations.submit import submit
from sweeps.lifecycle import TrialState


def test_only_what_is_asked_for_is_loaded(session: Session) -> None:
    sweep, _ = submit(session, make_spec(), None, now())
    projection = Projection(session, sweep, now())
    for entry in Writer().entries(
        *(asked(number) for number in range(5)),
        started(1),
        reported(1, make_report(2)),
        ended(1, "lost", error="the machine went away"),
    ):
        projection.take(entry)
        session.flush()
    found = LoadedTrials(session, sweep.id)
    assert (len(found), list(found), found.rows) == (5, [], {})
    assert 5 not in found
    assert -1 not in found
    assert "1" not in found
    assert 1 in found
    assert list(found) == [1]
    record = found[1]
    assert (record.state, list(record.reports)) == (TrialState.PENDING, [2])
    assert (record.attempts[0].ended, record.attempts[0].error) == (
        "lost",
        "the machine went away",
    )
    found.load_all()
    assert sorted(found) == sorted(found.rows) == [0, 1, 2, 3, 4]
    assert found[1] is record
