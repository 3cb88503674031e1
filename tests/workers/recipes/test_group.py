from __future__ import annotations

from pathlib import Path

import pytest
from ranked import fail_on_one, on_ranks, talk


def test_ranks_hear_the_same(tmp_path: Path) -> None:
    """Rank 0's word on all, sums in float64, the largest; and whoever waits, waits for the last."""
    first, second = on_ranks(2, tmp_path, talk, tmp_path)
    assert (first["rank"], second["rank"]) == (0, 1)
    for said in (first, second):
        assert said["told"] == {"from": 0}
        # 2^53 + 1 is not a float: counts up to there are exact.
        assert said["sum"] == (3.0, float(2**53))
        assert said["most"] == 1
        assert said["marks"] == 2


def test_what_one_rank_raises_is_heard(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="rank 1 as told"):
        on_ranks(2, tmp_path, fail_on_one)
