from __future__ import annotations

import math

import pytest

from benchmarks.pruners.clock import Played, Told, Track, play
from benchmarks.pruners.ray_side import RAY, RaySide

POINTS = 16


def track(level: float, points: int = POINTS) -> Track:
    """A flat run: the metric is `level` at every point."""
    return tuple(Told(p, p * 10, level, p == points) for p in range(1, points + 1))


def under(name: str, levels: list[float], slots: int = 1) -> Played:
    side = RaySide(RAY[name], "maximize", POINTS, len(levels))
    return play([track(level) for level in levels], side, slots)


def test_its_asha_lets_a_run_of_nan_go_on_to_the_end() -> None:
    """Finite runs that are worse stop at the first point; NaN is below no cutoff."""
    played = under("ray ASHA", [0.9, 0.8, 0.7, 0.6, 0.5, math.nan])
    assert set(played.finished) == {0, 5}
    assert played.samples == [160, 10, 10, 10, 10, 160]


def test_its_hyperband_pauses_and_halves() -> None:
    """The first bracket, of 4, runs through; of the second, of 6, the best third goes on."""
    levels = [0.1, 0.2, 0.3, 0.4] + [0.1 * number for number in range(1, 7)]
    played = under("ray HyperBand", levels, slots=2)
    assert set(played.finished) == {0, 1, 2, 3, 8, 9}
    assert played.samples[4:8] == [60] * 4


def test_its_median_waits_for_others_first() -> None:
    """Below three others it yields, so all runs take their first steps together."""
    played = under("ray median", [0.9, 0.8, 0.7, 0.2, 0.1])
    assert 0 in played.finished
    assert 4 not in played.finished


def test_a_point_without_a_value_is_not_told() -> None:
    blind = tuple(Told(p, p * 10, None if p < POINTS else 0.1, p == POINTS) for p in range(1, 17))
    side = RaySide(RAY["ray ASHA"], "maximize", POINTS, 2)
    played = play([track(0.9), blind], side, slots=1)
    assert set(played.finished) == {0, 1}


@pytest.mark.parametrize("name", RAY)
@pytest.mark.parametrize("slots", [1, 3])
def test_every_one_ends_and_finishes_something(name: str, slots: int) -> None:
    played = under(name, [number / 20 for number in range(20)], slots)
    assert played.finished
    assert sum(played.samples) <= 20 * POINTS * 10
