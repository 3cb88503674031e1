from __future__ import annotations

import math

import numpy as np
import pytest

from sweeps.pruners.early_dynamics.kernel import coordinates, kernel
from sweeps.trial import Params

CELLS: list[Params] = [
    {"learning_rate": 1e-5, "lr_scheduler_type": "cosine", "seed": 1},
    {"learning_rate": 1e-4, "lr_scheduler_type": "cosine", "seed": 2},
    {"learning_rate": 1e-2, "lr_scheduler_type": "constant", "seed": 3},
]


def test_near_configurations_are_more_alike() -> None:
    found = kernel(coordinates(CELLS), [0], 3)
    assert found is not None
    assert found[0, 0] == 1.0
    assert 1.0 > found[1, 0] > found[2, 0] > 0.0


def test_rates_are_compared_by_their_logarithm() -> None:
    cells: list[Params] = [{"learning_rate": rate} for rate in (1e-5, 1e-4, 1e-3)]
    found = kernel(coordinates(cells), [1], 3)
    assert found is not None
    assert found[0, 0] == pytest.approx(found[2, 0])


def test_a_seed_and_a_constant_are_no_axes() -> None:
    cells: list[Params] = [{"learning_rate": 0.1, "seed": seed} for seed in range(3)]
    assert coordinates(cells) == []
    assert kernel([], [0], 3) is None


def test_a_parameter_that_some_lack_is_an_axis_of_words() -> None:
    cells: list[Params] = [{"momentum": 0.9}, {"momentum": 0.9}, {}]
    found = kernel(coordinates(cells), [0], 3)
    assert found is not None
    assert found[1, 0] == 1.0
    assert found[2, 0] < 1.0


def test_numbers_that_differ_by_rounding_only_are_told_apart_as_words() -> None:
    rate = 1e-5
    near = math.nextafter(rate, 1.0)
    axes = coordinates([{"learning_rate": rate}, {"learning_rate": near}])
    found = kernel(axes, [0], 2)
    assert found is not None
    assert np.isfinite(found).all()
