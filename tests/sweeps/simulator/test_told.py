from __future__ import annotations

import math
from pathlib import Path

import pytest
from flat_sweeps import HORIZON, flat_group

from sweeps.points import run_plan
from sweeps.simulator.tables import CurvesError
from sweeps.simulator.told import Teller
from sweeps.simulator.walk import Walk
from sweeps.trial import Trial


def test_it_tells_what_a_walk_reports(tmp_path: Path) -> None:
    group = flat_group(tmp_path, [1.0, 2.0])
    trial = Trial(0, group.runs[1].params)
    plan = run_plan(trial.params, HORIZON, 6)
    walk, way = Walk(group.of(trial, plan), plan, 1), Teller(group).way(trial, plan)
    for point in range(1, 7):
        report = walk.next_report()
        assert report is not None
        assert report.point == point
        assert way.next_report() == report
    assert walk.next_report() is way.next_report() is None


def test_every_way_begins_at_the_start_and_has_the_same_reports(tmp_path: Path) -> None:
    group = flat_group(tmp_path, [1.0, 2.0])
    trial, teller = Trial(0, group.runs[0].params), Teller(group)
    plan = run_plan(trial.params, HORIZON, 6)
    first = teller.way(trial, plan).next_report()
    assert first is not None
    assert teller.way(Trial(7, trial.params), plan).next_report() is first
    other = teller.way(trial, run_plan(trial.params, HORIZON, 3)).next_report()
    assert other is not None
    assert other.samples == 2 * first.samples


def test_it_ends_with_the_guard_that_trips(tmp_path: Path) -> None:
    group = flat_group(tmp_path, [1.0, 2.0])
    group.runs[0].loss.values[20:] = math.nan
    trial = Trial(0, group.runs[0].params)
    told = Teller(group).reports(trial, run_plan(trial.params, HORIZON, 6))
    assert [report.guard for report in told] == [None, "non_finite_loss"]
    assert told[-1].samples == 21


def test_an_unknown_trial_has_no_way(tmp_path: Path) -> None:
    trial = Trial(0, {"config_id": "nobody"})
    with pytest.raises(CurvesError, match="no run of nobody"):
        Teller(flat_group(tmp_path, [1.0, 2.0])).way(trial, run_plan({}, HORIZON, 6))
