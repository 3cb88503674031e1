from __future__ import annotations

import math
from typing import Any

import pytest

from sweeps.simulator.cell_values import as_number, as_param, as_positive, as_truth


@pytest.mark.parametrize("value", ["adam", True, 0, -3, 0.5, 2**53 - 1])
def test_what_a_parameter_can_be(value: Any) -> None:
    assert as_param(value) is value


@pytest.mark.parametrize("value", [None, "", "x" * 501, 2**53, math.nan, math.inf, [1], {}])
def test_what_none_can_be(value: Any) -> None:
    assert as_param(value) is None


@pytest.mark.parametrize(
    ("value", "number", "positive"),
    [
        (3, 3.0, 3.0),
        (0.5, 0.5, 0.5),
        (0, 0.0, None),
        (-1, -1.0, None),
        (math.inf, math.inf, None),
        ("3", None, None),
        (None, None, None),
    ],
)
def test_numbers(value: Any, number: float | None, positive: float | None) -> None:
    assert (as_number(value), as_positive(value)) == (number, positive)


def test_truths() -> None:
    assert [as_truth(value) for value in (True, "True", "true", 1, 1.0, "1")] == [True] * 6
    assert [as_truth(value) for value in (False, "no", 0, None, math.nan)] == [False] * 5
