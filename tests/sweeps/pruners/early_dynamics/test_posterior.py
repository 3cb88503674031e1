from __future__ import annotations

import numpy as np
import pytest

from sweeps.pruners.early_dynamics.posterior import Forecast, Known, forecast
from sweeps.pruners.early_dynamics.prior import Weights, shipped

STRONG = Weights(signals=["metric"], mean=[0.9], spread=[[0.05]], noise=0.2)
SCORES = np.linspace(1.5, -1.5, 12)[:, None]


def after(costs: list[float], weights: Weights = STRONG) -> Forecast:
    """The first trials, of the best scores, have these finals."""
    rows = list(range(len(costs)))
    return forecast(Known(SCORES, rows, np.array(costs), None, min(costs)), weights)


def test_chances_fall_with_the_score() -> None:
    chances = after([1.0, 1.5]).chances(0.02, [])
    assert chances[2] > chances[4] > chances[6]
    assert (chances > 0).all()
    assert (chances < 1).all()


def test_finals_in_the_order_of_the_scores_settle_the_matter() -> None:
    few, many = after([1.0, 2.0]), after([1.0, 2.0, 3.0, 4.0, 5.0])
    assert many.chances(0.02, [])[5:].max() < few.chances(0.02, [])[5:].max()


def test_finals_in_the_opposite_order_turn_the_sign() -> None:
    """The more is finished, the more likely are those that looked bad."""
    found = after([5.0, 4.0, 3.0, 2.0, 1.0])
    assert found.trust < 0.5
    assert found.chances(0.02, [])[11] > after([1.0, 2.0, 3.0, 4.0, 5.0]).chances(0.02, [])[11]


def test_tolerance_and_rivals_raise_the_bar() -> None:
    found = after([2.0, 3.0])
    strict, wide = found.chances(0.0, []), found.chances(0.5, [])
    assert (wide <= strict).all()
    assert (found.chances(0.0, [2]) <= strict).all()


def test_the_neighbour_of_a_failure_is_doubted() -> None:
    kernel = np.eye(12)[:, :2]
    kernel[5, 1] = 0.95
    costs = np.array([1.0, 9.0])
    found = forecast(Known(SCORES, [0, 1], costs, kernel, 1.0), STRONG).chances(0.02, [])
    plain = forecast(Known(SCORES, [0, 1], costs, None, 1.0), STRONG).chances(0.02, [])
    assert found[5] / found[6] < plain[5] / plain[6]


def test_the_shipped_prior_serves_every_set_of_signals() -> None:
    for weights in shipped().weights:
        scores = np.tile(SCORES, (1, len(weights.signals)))
        known = Known(scores, [0], np.array([1.0]), None, 1.0)
        assert np.isfinite(forecast(known, weights).chances(0.02, [])).all()


def test_no_signal_at_all_leaves_everything_open() -> None:
    nothing = shipped().of([])
    known = Known(np.zeros((6, 0)), [0, 1], np.array([1.0, 2.0]), None, 1.0)
    chances = forecast(known, nothing).chances(0.02, [])
    assert chances[2] == pytest.approx(chances[5])
