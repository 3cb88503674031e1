from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata

from sweeps.ranks import rank_agreement, ranks


@given(st.lists(st.one_of(st.integers(-3, 3).map(float), st.just(math.inf)), max_size=12))
def test_ranks_are_those_of_scipy(values: list[float]) -> None:
    assert ranks(values) == list(rankdata(values))


def test_rank_agreement() -> None:
    up = [(1.0, 2.0), (2.0, 4.0), (3.0, 8.0), (4.0, 16.0)]
    assert rank_agreement(up) == pytest.approx(1.0)
    assert rank_agreement([(-a, b) for a, b in up]) == pytest.approx(-1.0)
    assert rank_agreement(up[:3]) is None
    assert rank_agreement([(1.0, b) for _, b in up]) is None
    tied = [(1.0, 1.0), (1.0, 2.0), (2.0, 3.0), (3.0, 4.0)]
    # Ranks 1.5, 1.5, 3, 4 against 1, 2, 3, 4: 4.5 / sqrt(4.5 * 5).
    assert rank_agreement(tied) == pytest.approx(4.5 / math.sqrt(4.5 * 5))
