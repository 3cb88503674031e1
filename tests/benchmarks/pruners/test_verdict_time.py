from __future__ import annotations

from benchmarks.pruners.verdict_time import verdict_times


def test_verdicts_are_timed_once_enough_trials_are_there() -> None:
    taken = verdict_times({"type": "halving"}, trials=20, count=15)
    assert len(taken) == 15
    assert all(0 < one < 10_000 for one in taken)
