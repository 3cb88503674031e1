from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import pytest
from flat_sweeps import flat_group

from sweeps.backtest.engine import Policy, Settings, sweep
from sweeps.backtest.peers.stopping import AshaStopping
from sweeps.simulator.recorded import Group
from sweeps.simulator.simulate import Driven
from sweeps.simulator.told import Teller


def played(group: Group, slots: int = 1) -> Driven:
    rows = [run.params for run in group.runs]
    return sweep(Teller(group), Policy(AshaStopping), Settings(slots=slots, points=10), rows)


def samples(driven: Driven) -> list[int]:
    return [r.last_report.samples if r.last_report else 0 for r in driven.story.trials.values()]


@pytest.mark.parametrize(
    ("levels", "ran"),
    [
        # The first three have a cohort below four: nobody judges them.
        ([0, 1, 2, 3, 4], [90, 90, 90, 9, 9]),
        ([4, 3, 2, 1, 0], [90, 90, 90, 90, 90]),
        # The bar of 0, 1, 2 is at 2/3, that of 0, 1, 2, 0.5 at 0.5.
        ([0, 1, 2, 0.5, 0.5], [90, 90, 90, 90, 90]),
        ([0, 1, 2, 0.5, 0.6], [90, 90, 90, 90, 9]),
    ],
)
def test_who_is_worse_than_the_bar_stops(
    tmp_path: Path, levels: Sequence[float], ran: list[int]
) -> None:
    assert samples(played(flat_group(tmp_path, levels))) == ran


def test_the_first_at_a_rung_goes_on(tmp_path: Path) -> None:
    """Four at once: the first reports before the others."""
    driven = played(flat_group(tmp_path, [3.0, 2.0, 1.0, 0.0]), slots=4)
    assert samples(driven) == [90] * 4
    verdicts = driven.story.trials[0].verdicts
    assert all(verdict.reason == "none" for verdict in verdicts.values())


def test_a_stop_says_why(tmp_path: Path) -> None:
    record = played(flat_group(tmp_path, [0.0, 1.0, 2.0, 3.0])).story.trials[3]
    verdict = record.verdicts[1]
    assert (verdict.action, verdict.reason) == ("stop", "asha_stopping")
    assert verdict.evidence.value == 3
    assert verdict.evidence.cutoff == pytest.approx(2 / 3)
    assert verdict.message == "At point 1 it is worse than 0.6667, the bar of 3 trials."


def test_metrics_that_are_not_finite_lower_no_bar(tmp_path: Path) -> None:
    group = flat_group(tmp_path, [0.0, 1.0, 2.0, 1.0, 9.0])
    group.runs[0].metric.values[:] = math.nan
    # The bar of NaN (taken for 2), 1, 2 is at 5/3.
    assert samples(played(group)) == [90, 90, 90, 90, 9]


def test_more_may_be_better(tmp_path: Path) -> None:
    group = flat_group(tmp_path, [3.0, 2.0, 1.0, 0.0], higher_is_better=True)
    record = played(group).story.trials[3]
    assert record.verdicts[1].evidence.cutoff == pytest.approx(7 / 3)
    assert record.last_report is not None
    assert record.last_report.samples == 9
