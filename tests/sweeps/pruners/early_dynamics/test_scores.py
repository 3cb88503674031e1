from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeps.pruners.early_dynamics.scores import normal_scores, utilities


def test_the_least_cost_scores_highest_and_ties_share() -> None:
    found = normal_scores(np.array([3.0, 1.0, 2.0, 2.0, math.inf]))
    assert list(np.argsort(-found, kind="stable")) == [1, 2, 3, 0, 4]
    assert found[2] == found[3]
    assert found[1] == pytest.approx(-found[4])


def test_what_is_missing_has_no_score() -> None:
    found = normal_scores(np.array([math.nan, 1.0, 2.0]))
    assert math.isnan(found[0])
    assert np.isfinite(found[1:]).all()
    assert normal_scores(np.array([7.0])) == [0.0]


def test_utilities_fall_from_the_best_and_stop_at_the_worst() -> None:
    found = utilities(np.array([1.0, 2.0, 3.0, 1e9, math.inf]), 1.0)
    assert found[0] == 0
    assert list(found) == sorted(found, reverse=True)
    assert found[4] == -4.0


def test_a_failure_far_off_does_not_set_the_scale() -> None:
    near = utilities(np.array([1.0, 2.0, 3.0]), 1.0)
    far = utilities(np.array([1.0, 2.0, 3.0, 1e12]), 1.0)
    assert list(far[:2]) == pytest.approx(list(near[:2]), abs=0.2)


def test_equal_finals_are_equally_good() -> None:
    assert list(utilities(np.array([2.0, 2.0]), 2.0)) == [0.0, 0.0]
    assert list(utilities(np.array([math.inf]), 2.0)) == [-4.0]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=12))
def test_utilities_of_any_finals_are_numbers(values: list[float]) -> None:
    found = utilities(np.array([*values, math.inf]), min(values))
    assert ((found >= -4.0) & (found <= 0.0)).all()
    assert found[values.index(min(values))] == 0.0
