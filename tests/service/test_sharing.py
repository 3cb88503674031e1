"""Shares of slots."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.sharing import share_slots


@pytest.mark.parametrize(
    ("total", "caps", "shares"),
    [
        (8, [], []),
        (8, [None], [8]),
        (8, [3], [3]),
        (8, [None, None, None], [3, 3, 2]),
        (8, [1, None, None], [1, 4, 3]),
        (8, [None, 2, 2], [4, 2, 2]),
        (2, [None, None, None], [1, 1, 0]),
        (0, [None, None], [1, 0]),
        (100_000, [None, 1], [99_999, 1]),
    ],
)
def test_shares(total: int, caps: list[int | None], shares: list[int]) -> None:
    assert share_slots(total, caps) == shares


@given(st.integers(1, 64), st.lists(st.none() | st.integers(1, 9), min_size=1, max_size=12))
def test_shares_are_fair(total: int, caps: list[int | None]) -> None:
    shares = share_slots(total, caps)
    assert shares[0] >= 1
    assert all(cap is None or share <= cap for share, cap in zip(shares, caps, strict=True))
    # Everything is given away, unless every sweep has all it may have.
    room = [cap is None or share < cap for share, cap in zip(shares, caps, strict=True)]
    assert sum(shares) == total if any(room) else sum(shares) <= total
    # Nobody who could take more has less than another, but for the remainder.
    assert all(shares[i] >= max(shares) - 1 for i in range(len(caps)) if room[i])
