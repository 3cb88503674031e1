from __future__ import annotations

import pytest

from sweeps.costs import (
    Estimate,
    Measured,
    device_hours,
    rate_deviation,
    samples_of,
    trial_hours,
)
from sweeps.trial import Params

SMALL: Params = {"global_batch_size": 10}
LARGE: Params = {"global_batch_size": 300}


def measured(rate: float, params: Params, devices: float = 1) -> Measured:
    return Measured(samples_per_second=rate, params=params, devices=devices)


def test_a_run_ends_with_a_whole_step() -> None:
    assert samples_of(SMALL, 1000) == 1000
    assert samples_of(LARGE, 1000) == 1200


def test_nothing_measured_is_unknown() -> None:
    assert trial_hours([SMALL], 1, 1000, []) is None
    assert trial_hours([SMALL], 1, 1000, [measured(0.0, SMALL)]) is None
    assert trial_hours([], 0, 1000, [measured(1.0, SMALL)]) is None


def test_a_cell_takes_the_rates_measured_nearest_to_it() -> None:
    rates = [measured(10.0, SMALL), measured(20.0, SMALL), measured(100.0, LARGE)]
    hours = trial_hours([SMALL], 3600, 1000, rates)
    assert hours is not None
    assert (hours.low, hours.high) == (50.0, 100.0)
    assert hours.middle == pytest.approx(1000 / 15)
    alone = trial_hours([LARGE], 3600, 1000, rates)
    assert alone == Estimate(low=12.0, middle=12.0, high=12.0)


def test_a_cell_like_none_of_them_takes_the_whole_range() -> None:
    rates = [measured(10.0, SMALL), measured(100.0, LARGE)]
    hours = trial_hours([{"global_batch_size": 40}], 3600, 1000, rates)
    assert hours is not None
    assert (hours.low, hours.high) == (10.0, 100.0)


def test_trials_are_spread_over_the_cells() -> None:
    hours = trial_hours([SMALL, LARGE], 3600, 1000, [measured(1.0, {})])
    assert hours is not None
    assert hours.middle == pytest.approx((1000 + 1200) / 2)


def test_gpu_hours_count_the_gpus_asked_or_those_measured() -> None:
    hours = Estimate(low=1, middle=2, high=3)
    assert device_hours(hours, 2, []) == Estimate(low=2, middle=4, high=6)
    assert device_hours(hours, 0.5, []).high == 1.5
    assert device_hours(hours, None, [measured(1, {}, 4)]).low == 4
    assert device_hours(hours, None, [measured(1, {}, 0)]).high == 0


def test_how_far_the_nearest_are_off() -> None:
    """10 foretold by 20 is off by 1, 20 by 10 by a half; 100 has no equal and takes all others."""
    rates = [measured(10.0, SMALL), measured(20.0, SMALL), measured(100.0, LARGE)]
    found = rate_deviation(rates)
    assert found is not None
    assert (found.n, found.median) == (3, pytest.approx(0.85))
    assert rate_deviation(rates[:1]) is None
    assert rate_deviation([measured(0.0, SMALL), *rates[:1]]) is None
