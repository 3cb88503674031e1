from __future__ import annotations

from stories import BATCH, POINTS, make_report, make_spec

from sweeps.backtest.peers.rungs import at_rung
from sweeps.journal import Prepared, Story
from sweeps.trial import Params, Report, Trial

STORY = Story(prepared=Prepared(horizon_samples=1000))


def at(mark: int, *reports: Report, **params: int) -> int | None:
    cell: Params = {"global_batch_size": BATCH, **params}
    known = {report.point: report for report in reports}
    found = at_rung(make_spec(), STORY, Trial(0, cell), known, mark)
    return None if found is None else found.point


def test_it_is_the_first_report_from_the_mark_on_with_the_metric() -> None:
    reports = [make_report(point, None if point == 2 else 1.0) for point in (1, 2, 3, 4)]
    assert [at(mark, *reports) for mark in (1, 2, 3, 4)] == [1, 3, 3, 4]
    assert at(5, *reports) is None
    assert at(1) is None


def test_the_end_and_a_guard_are_no_rung() -> None:
    assert at(1, make_report(POINTS, 1.0)) is None
    assert at(1, make_report(1, 1.0).model_copy(update={"guard": "zero_loss"})) is None


def test_warmup_comes_first() -> None:
    """20 steps are two points: the third is the first past them."""
    reports = [make_report(point, 1.0) for point in range(1, 6)]
    assert at(1, *reports, warmup_steps=20) == 3
