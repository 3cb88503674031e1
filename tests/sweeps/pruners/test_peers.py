from __future__ import annotations

import math

from sweeps.pruners.peers import NAMED, nearest


def test_the_nearest_are_named_by_rising_number() -> None:
    peers = [(number, float(number)) for number in range(100)]
    found = nearest(peers, 50.0)
    assert len(found) == NAMED
    assert found == list(range(40, 60))


def test_few_are_all_named() -> None:
    assert nearest([(3, 1.0), (1, 9.0)], 1.0) == [1, 3]
    assert nearest([], 1.0) == []


def test_infinite_scores_are_near_to_each_other_and_nan_is_far() -> None:
    peers = [(n, math.inf) for n in range(NAMED)] + [(90, 1.0), (91, math.nan)]
    assert nearest(peers, math.inf) == list(range(NAMED))
    assert 91 not in nearest(peers, 1.0)
    assert 90 in nearest(peers, 1.0)
