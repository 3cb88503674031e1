from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from sweeps.contest import RATE, Entrant, apart


@pytest.mark.parametrize("seed", range(40))
def test_repeated_runs_are_told_apart_by_welch_s_test(seed: int) -> None:
    rng = np.random.default_rng(seed)
    left, right = rng.normal(0, 1, 3), rng.normal(2.5, 2, int(rng.integers(2, 6)))
    expected = stats.ttest_ind(left, right, equal_var=False).pvalue <= RATE
    one, other = Entrant(tuple(left)), Entrant(tuple(right))
    assert apart(one, other) == apart(other, one) == expected


def test_both_answers_occur_above() -> None:
    """0 and 2.5 standard deviations apart: else the test above would mean little."""
    near, far = Entrant((0.0, 1.0, 2.0)), Entrant((9.0, 10.0, 11.0))
    assert not apart(near, near)
    assert apart(near, far)


def test_without_an_error_nothing_is_told_apart() -> None:
    for values in ((1.0,), (1.0, 1.0)):
        assert Entrant(values).error is None
        assert not apart(Entrant(values), Entrant((9.0,)))
    assert not apart(Entrant((1.0,), 0.1), Entrant((9.0,)))
    for error in (0.0, math.nan, math.inf):
        assert not apart(Entrant((1.0,), error), Entrant((9.0,), 0.1))


def test_single_runs_differ_beyond_the_error_of_their_evaluation() -> None:
    one = Entrant((1.0,), 0.3)
    assert not apart(one, Entrant((1.97,), 0.4))
    assert apart(one, Entrant((1.99,), 0.4))


def test_the_evaluation_s_error_does_not_count_beside_repetitions() -> None:
    assert apart(Entrant((1.0, 1.1, 0.9), 50.0), Entrant((5.0, 5.1, 4.9), 50.0))
    assert Entrant((1.0, 3.0), 50.0).error == pytest.approx(1.0)


def test_a_single_run_borrows_the_spread_of_the_other_side() -> None:
    """t = gap / (s sqrt(1 + 1/3)) with 2 degrees of freedom: 4.303 at the rate, s = 1."""
    several = Entrant((-1.0, 0.0, 1.0))
    limit = 4.303 * math.sqrt(4 / 3)
    assert not apart(several, Entrant((limit - 0.05,)))
    assert apart(several, Entrant((limit + 0.05,)))
    equal = Entrant((9.0, 9.0, 9.0))
    assert apart(several, equal)


def test_huge_values_break_nothing() -> None:
    huge = Entrant((1e308, -1e308, 1e308))
    assert not apart(huge, Entrant((1.0, 2.0)))
    assert huge.error is None
