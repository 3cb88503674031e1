from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeps.pruners.configs import Halving, Recipe


@pytest.mark.parametrize(
    ("settings", "points", "rungs"),
    [
        ({}, 20, [2, 6, 18]),
        ({}, 10, [1, 3, 9]),
        ({"eta": 2, "grace": 0.05}, 20, [1, 2, 4, 8, 16]),
        ({"grace": 0.25}, 20, [5, 15]),
        ({}, 5, [1, 2, 4]),
        ({}, 2, [1]),
        ({}, 1, []),
        ({"grace": 0.9}, 2, []),
        ({"eta": 2, "grace": 0.001}, 20, [1, 3, 5, 10]),
    ],
)
def test_rungs_of_halving(settings: dict[str, float], points: int, rungs: list[int]) -> None:
    assert Halving(type="halving", **settings).rungs(points) == rungs


@given(st.integers(1, 200), st.integers(2, 6), st.floats(0.01, 0.9))
def test_rungs_rise_and_lie_before_the_end(points: int, eta: int, grace: float) -> None:
    found = Halving(type="halving", eta=eta, grace=grace).rungs(points)
    assert found == sorted(set(found))
    assert all(1 <= mark < points for mark in found)


@pytest.mark.parametrize(
    ("settings", "points", "rungs"),
    [({}, 20, [2]), ({"at": 0.25}, 20, [5]), ({}, 3, [1]), ({}, 1, []), ({"at": 0.99}, 20, [])],
)
def test_the_one_point_of_recipe(settings: dict[str, float], points: int, rungs: list[int]) -> None:
    assert Recipe(type="recipe", **settings).rungs(points) == rungs
