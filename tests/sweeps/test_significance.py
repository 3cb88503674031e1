from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sweeps.significance import two_sided


@given(st.floats(-50, 50), st.floats(1, 5000))
def test_it_is_student_s_t(t: float, freedom: float) -> None:
    assert two_sided(t, freedom) == pytest.approx(2 * stats.t.sf(abs(t), freedom), abs=4e-4)


@pytest.mark.parametrize("freedom", [1, 1.5, 2, 4, 30, 300])
@pytest.mark.parametrize("t", [0.0, 0.5, 2.0, 6.0])
def test_it_is_exact_where_seeds_are_few(t: float, freedom: float) -> None:
    assert two_sided(t, freedom) == pytest.approx(2 * stats.t.sf(t, freedom), abs=1e-6)


@pytest.mark.parametrize("t", [0.0, 1.0, 1.96, 5.0, math.inf])
def test_without_end_it_is_the_normal_distribution(t: float) -> None:
    assert two_sided(t, math.inf) == pytest.approx(2 * stats.norm.sf(t), abs=1e-12)
    assert two_sided(-t, math.inf) == two_sided(t, math.inf)
