"""Pages of trials."""

from __future__ import annotations

import pytest
from service_support import Writer, asked, make_offer, make_spec, started
from sqlalchemy.orm import Session

from service.clock import Terms, now
from service.errors import BadRequest, NotFound
from service.operations.claim import claim
from service.operations.record import record
from service.operations.submit import submit
from service.store import trials
from sweeps.lifecycle import TrialState


@pytest.fixture
def sweep(session: Session) -> str:
    """A sweep with trials 0 to 4, of which 1 and 3 run."""
    row, _ = submit(session, make_spec(), None, now())
    claim(session, make_offer(), Terms(now(), 30, 5))
    bodies = [*(asked(number) for number in range(5)), started(1), started(3)]
    record(session, row.id, 1, Writer().entries(*bodies), now())
    return row.id


def test_pages(session: Session, sweep: str) -> None:
    rows, cursor = trials.page(session, sweep, 3, None, None)
    assert [row.number for row in rows] == [0, 1, 2]
    rows, cursor = trials.page(session, sweep, 3, cursor, None)
    assert ([row.number for row in rows], cursor) == ([3, 4], None)
    rows, cursor = trials.page(session, sweep, 1, None, TrialState.RUNNING)
    rows, cursor = trials.page(session, sweep, 1, cursor, TrialState.RUNNING)
    assert ([row.number for row in rows], cursor) == ([3], None)
    with pytest.raises(BadRequest):
        trials.page(session, sweep, 1, "nonsense", None)


def test_finding(session: Session, sweep: str) -> None:
    row = trials.numbered(session, sweep, 3)
    assert row is not None
    assert trials.find(session, row.id) is row
    assert trials.numbered(session, sweep, 9) is None
    assert trials.count(session, sweep) == 5
    assert trials.last_report(session, row.id) is None
    with pytest.raises(NotFound, match="there is no trial"):
        trials.find(session, "trl_")
