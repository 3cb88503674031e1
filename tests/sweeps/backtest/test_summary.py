from __future__ import annotations

from typing import Any

import pytest

from sweeps.backtest.scoring import Outcome
from sweeps.backtest.summary import intervals, peer, summarise


def outcome(group: str, workload: str, compute: float, order: int = 0, **more: Any) -> Outcome:
    fields: dict[str, Any] = {
        "trials": 8,
        "finished": 4,
        "compute_of_horizon": compute / 2,
        "audit_compute": 0.0,
        "regret": 0.0,
        "best_kept": True,
        "kept_within_tolerance": True,
        "time_to_result": compute,
        "random_regret": 0.5,
        "random_kept": 0.25,
        **more,
    }
    return Outcome(group=group, workload=workload, order=order, compute=compute, **fields)


# Workload a has two groups, b one: (0.2 + 0.4 + 0.9) / 3 would be the mean over groups.
SOME = [
    outcome("a/1", "a", 0.1, regret=0.4, best_kept=False, kept_within_tolerance=False),
    outcome("a/1", "a", 0.3, 1, audit_compute=0.2),
    outcome("a/2", "a", 0.4),
    outcome("a/2", "a", 0.4, 1),
    outcome("b/1", "b", 0.9),
    outcome("b/1", "b", 0.9, 1),
]


def test_means_are_over_workloads() -> None:
    row = summarise(SOME, risk=0.1, tolerance=0.02)
    assert row.compute == pytest.approx((0.3 + 0.9) / 2)
    assert row.regret == pytest.approx(0.1 / 2)
    assert row.best_kept == row.kept_within_tolerance == pytest.approx((0.75 + 1) / 2)
    assert row.audit_compute == pytest.approx(0.05 / 2)
    assert row.time_to_result == row.compute
    assert row.compute_of_horizon == pytest.approx(row.compute / 2)
    assert (row.random_regret, row.random_kept) == (0.5, 0.25)
    assert (row.risk, row.tolerance) == (0.1, 0.02)
    assert peer(SOME).compute == row.compute


def test_groups_are_means_over_orders() -> None:
    rows = summarise(SOME, risk=0.1, tolerance=0.02).groups
    assert [(row.group, row.workload, row.trials) for row in rows] == [
        ("a/1", "a", 8),
        ("a/2", "a", 8),
        ("b/1", "b", 8),
    ]
    assert [row.compute for row in rows] == pytest.approx([0.2, 0.4, 0.9])
    assert [row.best_kept for row in rows] == [0.5, 1, 1]
    assert rows[0].regret == 0.2


def test_intervals_draw_workloads() -> None:
    """Of two workloads at 0.3 and 0.9 a quarter of the draws has both the same."""
    found = intervals(SOME, 0)
    assert found["compute"] == pytest.approx((0.3, 0.9))
    assert found["random_regret"] == (0.5, 0.5)
    assert intervals(SOME, 0) == found
    many = [outcome(f"w{n}", f"w{n}", n / 40) for n in range(41)]
    low, high = intervals(many, 0)["compute"] or (0, 0)
    # The standard error of the mean of 41 evenly spread over [0, 1] is 0.0462.
    assert low == pytest.approx(0.5 - 1.96 * 0.0462, abs=0.01)
    assert high == pytest.approx(0.5 + 1.96 * 0.0462, abs=0.01)
    assert intervals(many, 1)["compute"] != (low, high)


def test_one_workload_has_no_interval() -> None:
    assert set(intervals(SOME[:4], 0).values()) == {None}


def test_nothing_has_no_mean() -> None:
    with pytest.raises(ValueError, match="at least one outcome"):
        peer([])
