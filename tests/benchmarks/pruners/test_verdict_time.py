from __future__ import annotations

from benchmarks.pruners.verdict_time import verdict_times


def test_verdicts_that_say_something_are_timed_once_enough_trials_are_there() -> None:
    # Two of twenty come last, and are parked or go on at their rungs; the others are brought back.
    taken = verdict_times({"type": "early_dynamics", "audit": 0.0}, trials=20, count=4)
    assert len(taken) == 4
    assert all(0 < one < 10_000 for one in taken)
    assert not verdict_times({"type": "never"}, trials=20, count=4)
