from __future__ import annotations

import numpy as np
import pytest

from benchmarks.training.throughput import Clock, padding_share, rows


def test_padding_is_what_the_longest_of_eight_makes() -> None:
    assert padding_share(np.full(40, 7)) == 0.0
    # One of eight is ten times as long: of 80 places 17 are tokens.
    assert padding_share(np.array([10, *[1] * 7])) == pytest.approx(1 - 17 / 80)


def test_the_first_step_is_not_counted() -> None:
    clock = Clock(moments=[5.0, 6.0, 9.0], tokens=[100.0, 150.0, 180.0])
    assert clock.rate() == 20.0
    clock.append(4, {"eval_loss": 1.0})
    assert len(clock.moments) == 3


@pytest.mark.slow
def test_it_measures_both_sides() -> None:
    found, notes = rows(rounds=1, examples=64, hidden_size=16)
    ratios = {row.case: row for row in found if row.figure == "tokens_per_second_ratio"}
    assert set(ratios) == {"unpacked", "packed"}
    assert all(row.median > 0 and row.n == 1 for row in ratios.values())
    (bound,) = (row for row in found if row.figure == "packed_bound")
    assert bound.median > 1
    assert "padding in random micro-batches of 8" in notes[0]
