from __future__ import annotations

import pytest

from benchmarks.pruners import targets
from benchmarks.pruners.targets import OURS, PEER, Point, compute_at, random_kept


def ours(risk: float, compute: float, regret: float, kept: float = 1.0) -> Point:
    return Point(OURS, "early_dynamics", OURS, compute, regret, kept, kept, risk=risk)


def peer(name: str, compute: float, regret: float) -> Point:
    return Point("optuna", name, PEER, compute, regret, 0.5, 0.5)


LINE = [ours(0.3, 0.2, 0.1, 0.5), ours(0.1, 0.4, 0.02, 0.92), ours(0.05, 0.6, 0.0, 1.0)]


def test_survival_takes_the_cheapest_risk_that_keeps_enough() -> None:
    (met,) = targets.survival({"algoperf": LINE})
    assert (met.met, met.told) == (True, "0.40/0.020/0.92")
    (missed,) = targets.survival({"stepback": LINE})
    assert missed.met is False
    (none,) = targets.survival({"algoperf": LINE[:1]})
    assert (none.met, none.told) == (False, "no risk kept enough")
    assert targets.survival({"elsewhere": LINE}) == []


def test_a_peer_dominates_when_it_is_nowhere_worse() -> None:
    (line,) = targets.domination({"d": [*LINE, peer("worse", 0.5, 0.02), peer("even", 0.4, 0.02)]})
    assert (line.met, line.told) == (True, "by none")
    (line,) = targets.domination({"d": [*LINE, peer("cheaper", 0.3, 0.02)]})
    assert line.met is False
    assert line.told == "risk 0.1 (0.40/0.020/0.92) by cheaper (0.30/0.020/0.50)"


@pytest.mark.parametrize(
    ("regret", "compute"),
    [(0.5, 0.2), (0.1, 0.2), (0.06, 0.3), (0.02, 0.4), (0.01, 0.5), (0.0, 0.6)],
)
def test_our_compute_lies_straight_between_two_risks(regret: float, compute: float) -> None:
    assert compute_at(LINE, regret) == pytest.approx(compute)


def test_running_everything_closes_the_line() -> None:
    assert compute_at([ours(0.1, 0.5, 0.1)], 0.0) == 1.0
    assert compute_at([ours(0.1, 0.5, 0.1)], 0.05) == pytest.approx(0.75)


def test_a_risk_that_costs_more_and_regrets_more_is_no_corner() -> None:
    assert compute_at([ours(0.3, 0.2, 0.02), ours(0.1, 0.4, 0.1)], 0.01) == pytest.approx(0.7)


def test_the_share_is_a_mean_over_peers_and_then_over_data_sets() -> None:
    lines = targets.share(
        {"a": [*LINE, peer("x", 0.5, 0.02), peer("y", 1.0, 0.0)], "b": [*LINE, peer("x", 0.4, 0.1)]}
    )
    assert lines[0].told == "mean 0.70: x 0.80, y 0.60"
    assert lines[-1].told == "mean 0.60"
    assert lines[-1].met is True


def test_the_promise_is_told_beside_what_came() -> None:
    (line,) = targets.promise({"a": [*LINE, peer("x", 0.5, 0.02)]})
    assert (line.met, line.told) == (None, "0.70 → 0.50, 0.90 → 0.92, 0.95 → 1.00")


def test_chance_is_counted_exactly() -> None:
    assert random_kept(10, 1, 0.3) == pytest.approx(0.3)
    assert random_kept(4, 2, 0.5) == pytest.approx(1 - 1 / 6)
    assert random_kept(4, 2, 0.625) == pytest.approx(1 - 1 / 12)
    assert random_kept(5, 1, 1.0) == 1.0
    assert random_kept(5, 1, 0.0) == 0.0
