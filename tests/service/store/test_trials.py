"""Pages of trials."""

from __future__ import annotations

import math

import pytest
from service_support import (
    Writer,
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
from service.errors import BadRequest, NotFound
from service.operations.claim import claim
from service.operations.record import record
from service.operations.submit import submit
from service.queries import ReportQuery, TrialQuery
from service.store import trials
from service.store.columns import encode
from sweeps.lifecycle import AttemptEnd, TrialState
from sweeps.trial import Role


@pytest.fixture
def sweep(session: Session) -> str:
    """A sweep with trials 0 to 4, of which 1 and 3 run."""
    row, _ = submit(session, make_spec(), None, now())
    claim(session, make_offer(), Terms(now(), 30, 5))
    bodies = [*(asked(number) for number in range(5)), started(1), started(3)]
    record(session, row.id, 1, Writer().entries(*bodies), now())
    return row.id


def test_pages(session: Session, sweep: str) -> None:
    rows, cursor = trials.page(session, sweep, TrialQuery(limit=3))
    assert [row.number for row in rows] == [0, 1, 2]
    rows, cursor = trials.page(session, sweep, TrialQuery(limit=3, cursor=cursor))
    assert ([row.number for row in rows], cursor) == ([3, 4], None)
    running = {"limit": 1, "state": [TrialState.RUNNING]}
    rows, cursor = trials.page(session, sweep, TrialQuery.model_validate(running))
    asked = TrialQuery.model_validate({**running, "cursor": cursor})
    rows, cursor = trials.page(session, sweep, asked)
    assert ([row.number for row in rows], cursor) == ([3], None)
    assert trials.page(session, sweep, TrialQuery(role=Role.CONFIRM)) == ([], None)
    with pytest.raises(BadRequest):
        trials.page(session, sweep, TrialQuery(cursor="nonsense"))


def test_a_cursor_of_another_sweep_is_refused(session: Session, sweep: str) -> None:
    _, cursor = trials.page(session, sweep, TrialQuery(limit=1))
    with pytest.raises(BadRequest, match="made for another list"):
        trials.page(session, "swp_other", TrialQuery(cursor=cursor))
    with pytest.raises(BadRequest, match="made for another list"):
        trials.report_page(session, sweep, ReportQuery(cursor=cursor))


VALUES = [0.5, None, math.nan, -1e300, 0.1, 0.5, math.inf, 0.1 + 0.2, None, -math.inf, 0.5]


@pytest.mark.parametrize("limit", [1, 2, 4, 50])
@pytest.mark.parametrize("sort", ["value", "-value", "-loss", "grad_norm"])
def test_what_has_no_finite_value_comes_last(session: Session, sort: str, limit: int) -> None:
    """Each trial once, whatever NaN and NULL do to a comparison; trials asked meanwhile too."""
    row, _ = submit(session, make_spec(), None, now())
    claim(session, make_offer(), Terms(now(), 30, 5))
    writer, column = Writer(), sort.removeprefix("-")
    record(session, row.id, 1, writer.entries(*(asked(n) for n in range(len(VALUES)))), now())
    for trial, value in zip(trials.every(session, row.id), VALUES, strict=True):
        number, code = encode(value)
        setattr(trial, column, number)
        setattr(trial, f"{column}_code", code)
    session.flush()
    seen, cursor = list[int](), None
    for _ in range(40):
        query = TrialQuery.model_validate({"sort": sort, "limit": limit, "cursor": cursor})
        rows, cursor = trials.page(session, row.id, query)
        seen += [trial.number for trial in rows]
        if cursor is None:
            break
        record(session, row.id, 1, [writer.entry(asked(writer.seq))], now())
    sign = -1 if sort.startswith("-") else 1
    first = [n for n in seen if n < len(VALUES)]
    assert sorted(first) == list(range(len(VALUES)))
    assert len(set(seen)) == len(seen)
    finite = [n for n in first if VALUES[n] is not None and math.isfinite(VALUES[n])]
    assert first[: len(finite)] == finite
    assert finite == sorted(finite, key=lambda n: (sign * VALUES[n], sign * n))
    rest = first[len(finite) :]
    assert rest == sorted(rest, reverse=sign < 0)


def test_reports_come_by_trial_and_point(session: Session, sweep: str) -> None:
    told = [reported(t, make_report(p)) for t, p in ((3, 1), (1, 1), (1, 2), (3, 2), (1, 5))]
    record(session, sweep, 1, Writer(7).entries(*told), now())
    seen, cursor = list[tuple[int, int]](), None
    for _ in range(9):
        rows, cursor = trials.report_page(session, sweep, ReportQuery(limit=2, cursor=cursor))
        seen += [(number, row.point) for number, row in rows]
        if cursor is None:
            break
    assert seen == [(1, 1), (1, 2), (1, 5), (3, 1), (3, 2)]


def test_what_failed_and_what_was_searched(session: Session, sweep: str) -> None:
    lines = Writer(7).entries(ended(1, AttemptEnd.FAILED, gave_up=True, error="Boom"))
    record(session, sweep, 1, lines, now())
    assert [row.number for row in trials.failed(session, sweep)] == [1]
    assert trials.searched(session, sweep) == 5
    rows = trials.every(session, sweep)
    rows[0].role = Role.CONFIRM
    session.flush()
    assert trials.searched(session, sweep) == 4


def test_finding(session: Session, sweep: str) -> None:
    row = trials.numbered(session, sweep, 3)
    assert row is not None
    assert trials.find(session, row.id) is row
    assert trials.numbered(session, sweep, 9) is None
    assert trials.count(session, sweep) == 5
    assert trials.last_report(session, row.id) is None
    with pytest.raises(NotFound, match="there is no trial"):
        trials.find(session, "trl_")
