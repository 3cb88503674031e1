from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import pytest
from flat_sweeps import HORIZON, flat_group

from sweeps.backtest.engine import Policy, Settings, sweep
from sweeps.backtest.peers.synchronous import better_half, hyperband, successive_halving
from sweeps.lifecycle import TrialState
from sweeps.simulator.recorded import Group
from sweeps.simulator.simulate import Driven, Make
from sweeps.simulator.told import Teller

# A ninth of the horizon a point.
NINTH = Settings(slots=4, points=9)


def played(group: Group, make: Make, settings: Settings = NINTH) -> Driven:
    """The trials in the order recorded."""
    rows = [run.params for run in group.runs]
    return sweep(Teller(group), Policy(make), settings, rows)


def samples(driven: Driven) -> list[int]:
    return [r.last_report.samples if r.last_report else 0 for r in driven.story.trials.values()]


def flat(folder: Path, levels: Sequence[float]) -> Group:
    return flat_group(folder, levels)


def test_halving_keeps_a_third_at_each_rung(tmp_path: Path) -> None:
    levels = [float(level) for level in (5, 3, 8, 1, 0, 6, 2, 7, 4)]
    driven = played(flat(tmp_path, levels), successive_halving)
    assert samples(driven) == [10, 10, 10, 30, 90, 10, 30, 10, 10]
    states = [record.state for record in driven.story.trials.values()]
    assert states.count(TrialState.DONE) == 1
    assert states.count(TrialState.STOPPED) == 8


def test_the_better_half_goes_to_the_end(tmp_path: Path) -> None:
    group = flat(tmp_path, [4.0, 0.0, 3.0, 1.0, 2.0])
    driven = played(group, better_half, Settings(slots=4, points=10))
    assert samples(driven) == [9, 90, 9, 90, 90]


def test_hyperband_deals_the_trials_to_brackets(tmp_path: Path) -> None:
    """17 trials: 9 begin at 1/9, 5 at 1/3, 3 run whole."""
    driven = played(flat(tmp_path, [float(n) for n in range(17)]), hyperband)
    first = [90, 30, 30] + [10] * 6
    assert samples(driven) == [*first, 90, 90, 30, 30, 30, 90, 90, 90]


def test_few_trials_still_have_every_bracket_in_turn(tmp_path: Path) -> None:
    driven = played(flat(tmp_path, [float(n) for n in range(4)]), hyperband)
    assert samples(driven) == [90, 10, 10, 90]


def test_a_trial_that_breaks_keeps_nobody_waiting(tmp_path: Path) -> None:
    group = flat_group(tmp_path, [0.0, 1.0, 2.0, 3.0, 4.0], metrics=[math.nan, 1.0, 2.0, 3.0, 4.0])
    driven = played(group, better_half, Settings(slots=4, points=10))
    assert samples(driven) == [1, 90, 90, 9, 9]


def test_a_metric_that_is_not_finite_is_the_worst(tmp_path: Path) -> None:
    group = flat_group(tmp_path, [0.0, 1.0, 2.0, 3.0])
    for run in group.runs[:1]:
        run.metric.values[:] = math.nan
    driven = played(group, better_half, Settings(slots=4, points=10))
    assert samples(driven) == [9, 90, 90, 9]


def test_without_a_metric_the_loss_decides(tmp_path: Path) -> None:
    group = flat_group(tmp_path, [1.0, 0.0, 3.0, 2.0])
    for run in group.runs:
        run.metric.there[:] = False
    assert group.spec().spec.metric.name == "loss"
    driven = played(group, better_half, Settings(slots=4, points=10))
    assert samples(driven) == [90, 90, 9, 9]


@pytest.mark.parametrize("make", [better_half, successive_halving, hyperband])
def test_more_slots_change_who_waits_and_not_who_finishes(tmp_path: Path, make: Make) -> None:
    group = flat(tmp_path, [float(n * 7 % 12) for n in range(12)])
    results = [samples(played(group, make, Settings(slots=s, points=9))) for s in (4, 7, 12)]
    assert results[0] == results[1] == results[2]
    assert HORIZON in results[0]


def test_a_run_that_ends_before_its_rung_waits_for_nobody(tmp_path: Path) -> None:
    group = flat_group(tmp_path, [0.0, 1.0, 2.0, 3.0, 4.0], lengths=[5, 90, 90, 90, 90])
    driven = played(group, successive_halving)
    assert samples(driven) == [5, 90, 30, 10, 10]
