"""Floats that are not finite become strings."""

from __future__ import annotations

import math

from service.numbers import wired


def test_wired() -> None:
    deep = {"a": [math.nan, {"b": -math.inf}], "c": math.inf, "d": 1.5, "e": None, "f": "x"}
    assert wired(deep) == {
        **{"a": ["NaN", {"b": "-Infinity"}], "c": "Infinity"},
        **{"d": 1.5, "e": None, "f": "x"},
    }
