from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweepctl.sparks import Scale, scale_of, spark

NAN = float("nan")
UP = {point: float(point) for point in range(1, 9)}


def test_a_rising_signal_rises() -> None:
    assert spark(UP, 8, 8, Scale(1.0, 8.0)) == "▁▂▃▄▅▆▇█"
    assert spark(UP, 8, 8, Scale(1.0, 8.0), plain=True) == "_.:-=+*#"


def test_points_share_columns_and_a_gap_stays_blank() -> None:
    assert spark(UP, 8, 4, Scale(1.0, 8.0)) == "▂▄▆█"
    assert spark({1: 1.0, 4: 8.0}, 4, 10, Scale(1.0, 8.0)) == "▁  █"


def test_what_is_not_finite_has_a_mark_that_no_later_point_hides() -> None:
    scale = Scale(1.0, 8.0)
    assert spark({1: 1.0, 2: NAN, 3: math.inf, 4: 8.0}, 4, 4, scale) == "▁××█"
    assert spark({1: NAN, 2: 8.0}, 2, 1, scale, plain=True) == "x"
    assert spark({1: NAN}, 1, 4, None) == "×"


def test_a_log_scale_gives_each_power_its_step() -> None:
    scale = Scale(1e-4, 1e4, log=True)
    values = {point + 1: 10.0**exponent for point, exponent in enumerate(range(-4, 5))}
    drawn = spark(values, 9, 9, scale)
    assert drawn == "▁▂▃▄▅▆▇██"
    assert spark({1: 0.0}, 1, 1, scale) == "▁", "no logarithm, and no error"


def test_one_wild_value_does_not_press_the_others_down() -> None:
    values = [1.0 + at / 100 for at in range(40)] + [1e9]
    scale = scale_of(values)
    assert scale is not None
    assert scale.high < 1.4
    assert spark({1: 1e9}, 1, 1, scale) == "█"


@pytest.mark.parametrize(("values", "log"), [([], False), ([NAN, math.inf], False), ([0.0], True)])
def test_no_scale_without_values_to_draw(values: list[float], log: bool) -> None:
    assert scale_of(values, log) is None


@given(
    st.dictionaries(st.integers(1, 30), st.floats(), max_size=30),
    st.integers(1, 40),
    st.booleans(),
    st.booleans(),
)
def test_any_signal_is_drawn_one_column_each(
    values: dict[int, float], width: int, log: bool, plain: bool
) -> None:
    drawn = spark(values, 30, width, scale_of(values.values(), log), plain)
    assert len(drawn) == min(width, 30)
    assert drawn.isascii() or not plain
    lost = any(not math.isfinite(value) for value in values.values())
    assert ("x" if plain else "×") in drawn if lost else drawn.isprintable()
