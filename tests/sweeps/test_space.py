from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sweeps.seeds import generator
from sweeps.space import LARGEST, Choice, Space, draw, excluded, grid, holds, size

values = st.lists(
    st.integers(-3, 3) | st.sampled_from(["a", "b"]) | st.booleans() | st.sampled_from([0.5, 1e-6]),
    min_size=1,
    max_size=4,
    unique_by=lambda value: (isinstance(value, bool), value),
)
names = st.sampled_from(["a", "b", "c"])
finite_spaces = st.dictionaries(names, values, min_size=1, max_size=3).map(
    lambda axes: Space(axes={name: Choice(values=found) for name, found in axes.items()})
)


def space(**axes: Any) -> Space:
    """Axes as a user writes them; `paired` and `exclude` beside them."""
    sides = {name: axes.pop(name) for name in ("paired", "exclude") if name in axes}
    return Space.model_validate({"axes": axes, **sides})


def of(*listed: Any, **more: Any) -> dict[str, Any]:
    return {"values": list(listed), **more}


@given(finite_spaces)
def test_a_grid_is_the_product_of_its_axes(finite: Space) -> None:
    lists = [axis.values for axis in finite.axes.values() if isinstance(axis, Choice)]
    wanted = [dict(zip(finite.axes, cell, strict=True)) for cell in itertools.product(*lists)]
    assert [repr(cell) for cell in grid(finite)] == [repr(cell) for cell in wanted]
    assert size(finite) == len(wanted)


@given(finite_spaces, st.data())
def test_exclude_takes_out_exactly_the_cells_that_match(finite: Space, data: Any) -> None:
    cells = list(grid(finite))
    row = dict(data.draw(st.sampled_from(cells)))
    left = Space(axes=finite.axes, exclude=[row])
    assert list(grid(left)) == [cell for cell in cells if not holds(row, cell)]
    assert row not in list(grid(left))


@given(finite_spaces, st.integers(0, 50))
def test_a_draw_is_a_cell_of_the_grid(finite: Space, number: int) -> None:
    cell = draw(finite, generator(0, "test", number))
    assert cell in list(grid(finite))


def test_the_last_axis_is_the_fastest() -> None:
    cells = list(grid(space(a=of(1, 2), b=of("x", "y"))))
    assert [(c["a"], c["b"]) for c in cells] == [(1, "x"), (1, "y"), (2, "x"), (2, "y")]


def test_a_parameter_whose_condition_fails_is_absent_and_cells_are_given_once() -> None:
    found = list(grid(space(kind=of("plain", "decay"), share=of(0.1, 0.2, when={"kind": "decay"}))))
    assert found == [
        {"kind": "plain"},
        {"kind": "decay", "share": 0.1},
        {"kind": "decay", "share": 0.2},
    ]


def test_conditions_chain() -> None:
    chained = space(a=of(0, 1), b=of(0, 1, when={"a": 1}), c=of(0, 1, when={"b": [1, 7]}))
    assert list(grid(chained)) == [
        {"a": 0},
        {"a": 1, "b": 0},
        {"a": 1, "b": 1, "c": 0},
        {"a": 1, "b": 1, "c": 1},
    ]


def test_paired_rows_vary_together() -> None:
    rows = [{"batch": 8, "rate": 0.1}, {"batch": 16, "rate": 0.2}]
    paired = space(seed=of(1, 2), paired=rows)
    assert list(grid(paired)) == [{"seed": seed, **row} for seed in (1, 2) for row in rows]
    assert size(paired) == 4
    assert paired.names == ["seed", "batch", "rate"]
    drawn = [draw(paired, generator(1, "t", n)) for n in range(20)]
    assert all({"batch": c["batch"], "rate": c["rate"]} in rows for c in drawn if c)


@pytest.mark.parametrize(
    ("condition", "cell", "there"),
    [
        ({"a": 1}, {"a": 1}, True),
        ({"a": 1}, {"a": 2}, False),
        ({"a": 1}, {}, False),
        ({"a": [1, 2]}, {"a": 2, "b": 3}, True),
        ({"a": 1, "b": 2}, {"a": 1, "b": 3}, False),
        ({"a": 1}, {"a": 1.0}, True),
    ],
)
def test_holds(condition: Any, cell: Any, there: bool) -> None:
    assert holds(condition, cell) is there


def test_a_draw_from_a_space_all_excluded_is_none() -> None:
    nothing = space(a=of(1, 2), exclude=[{"a": [1, 2]}])
    assert list(grid(nothing)) == []
    assert draw(nothing, generator(0, "t", 0)) is None
    assert excluded(nothing, {"a": 1})


@given(st.integers(0, 200))
def test_ranges_keep_to_their_ends_and_kinds(number: int) -> None:
    ranged = space(
        u={"distribution": "uniform", "min": -1, "max": 2},
        l={"distribution": "log_uniform_values", "min": 1e-6, "max": 1e-3},
        i={"distribution": "int_uniform", "min": 3, "max": 5},
    )
    assert not ranged.finite
    cell = draw(ranged, generator(3, "t", number))
    assert cell is not None
    assert -1 <= float(cell["u"]) <= 2
    assert 1e-6 <= float(cell["l"]) <= 1e-3
    assert cell["i"] in (3, 4, 5)
    assert isinstance(cell["i"], int)


def test_int_uniform_reaches_both_ends_and_log_uniform_is_even_in_the_logarithm() -> None:
    ranged = space(
        i={"distribution": "int_uniform", "min": 1, "max": 3},
        l={"distribution": "log_uniform_values", "min": 1e-6, "max": 1e-2},
    )
    cells = [cell for n in range(400) if (cell := draw(ranged, generator(0, "t", n)))]
    assert {cell["i"] for cell in cells} == {1, 2, 3}
    middle = sum(float(cell["l"]) < 1e-4 for cell in cells) / 400
    assert abs(middle - 0.5) < 0.1


def test_one_value_is_a_list_of_one() -> None:
    assert Choice.model_validate({"value": 7}) == Choice(values=[7])


@pytest.mark.parametrize(
    ("axis", "said"),
    [
        ({"values": []}, "at least 1 item"),
        ({"values": [1, 1]}, "twice"),
        ({"values": [1, 1.0]}, "twice"),
        ({"values": [math.nan]}, "finite"),
        ({"values": [1, math.inf]}, "finite"),
        ({"values": [LARGEST]}, "finite"),
        ({"values": [10**400]}, "finite"),
        ({"values": [1], "value": 2}, "Extra inputs"),
        ({"distribution": "uniform", "min": 1, "max": 1}, "less than max"),
        ({"distribution": "uniform", "min": 2, "max": 1}, "less than max"),
        ({"distribution": "uniform", "min": 0, "max": 10**400}, "finite"),
        ({"distribution": "uniform", "min": 0, "max": math.inf}, "finite"),
        ({"distribution": "log_uniform_values", "min": 0, "max": 1}, "min > 0"),
        ({"distribution": "int_uniform", "min": 0.5, "max": 2}, "whole"),
        ({"min": 0, "max": 1}, "Field required"),
        ({"distribution": "normal", "min": 0, "max": 1}, "uniform"),
    ],
)
def test_a_bad_axis_is_an_error(axis: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        space(a=axis)


def test_true_and_one_are_two_values() -> None:
    assert [cell["a"] for cell in grid(space(a=of(True, 1)))] == [True, 1]
