from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stories import make_spec

from sweeps.searchers.knobs import Knob, build, distance, knobs_of, ordered, positions
from sweeps.space import Choice, Range, grid

LOG = {"distribution": "log_uniform_values", "min": 1e-6, "max": 1e-2}
REAL = {"distribution": "uniform", "min": -1, "max": 3}
INT = {"distribution": "int_uniform", "min": 2, "max": 6}
CHAIN: dict[str, Any] = {
    # Written against the order in which they depend on each other.
    "c": {"values": [7, 8], "when": {"b": [1, True]}},
    "b": {"values": [1, True, "1", 2.5], "when": {"p": 2}},
    "a": {"values": [64, 8, 16]},
    "constant": {"value": "x"},
    "late": {"values": [1, 2], "when": {"constant": "x", "a": 8}},
    "paired": [{"p": 1, "q": 0.5}, {"p": 2, "q": 0.5}],
}


def of(**parameters: Any) -> tuple[list[Knob], list[str]]:
    space = make_spec(parameters=parameters).spec.parameters
    return knobs_of(space), space.names


def one(axis: dict[str, Any]) -> Knob:
    (knob,), _ = of(x=axis)
    return knob


@pytest.mark.parametrize(
    ("axis", "kind", "low", "high"),
    [
        (LOG, "log", 1e-6, 1e-2),
        (REAL, "float", -1, 3),
        (INT, "int", 2, 6),
        ({"values": [64, 8, 16.5]}, "steps", 0, 2),
        ({"values": ["a", "b"]}, "words", 0, 1),
        ({"values": [True, False]}, "words", 0, 1),
        ({"values": [1, True]}, "words", 0, 1),
        ({"values": [1, "two", 3]}, "words", 0, 2),
        ({"value": 3}, "words", 0, 0),
    ],
)
def test_kinds(axis: dict[str, Any], kind: str, low: float, high: float) -> None:
    knob = one(axis)
    assert (knob.kind, knob.low, knob.high) == (kind, low, high)
    assert knob.single is (low == high)


def test_a_list_of_numbers_is_a_scale_in_order_of_size() -> None:
    knob = one({"values": [64, 8, 16]})
    assert [knob.sets(index) for index in range(3)] == [{"x": 8}, {"x": 16}, {"x": 64}]
    assert [knob.unit(index) for index in range(3)] == [0, 0.5, 1]


def test_ranges_give_their_own_type() -> None:
    assert one(INT).sets(3.0) == {"x": 3}
    assert isinstance(one(INT).sets(3.0)["x"], int)
    assert isinstance(one(REAL).sets(3)["x"], float)
    assert one(LOG).unit(1e-4) == pytest.approx(0.5)
    assert one(REAL).unit(0) == 0.25


def test_each_knob_comes_after_what_it_depends_on() -> None:
    knobs, _ = of(**CHAIN)
    order = [knob.name for knob in knobs]
    assert sorted(order) == ["a", "b", "c", "constant", "late", "paired"]
    assert order.index("paired") < order.index("b") < order.index("c")
    assert max(order.index("a"), order.index("constant")) < order.index("late")


def test_a_circle_that_no_check_saw_ends() -> None:
    knobs, _ = of(
        a={"values": [1, 2], "when": {"b": 1}},
        b={"values": [1, 2], "when": {"a": 1}},
        c={"values": [1, 2]},
    )
    assert sorted(knob.name for knob in knobs) == ["a", "b", "c"]


def test_every_cell_goes_to_positions_and_back() -> None:
    space = make_spec(parameters=CHAIN).spec.parameters
    knobs, cells = knobs_of(space), list(grid(space))
    assert len(cells) > 20
    for cell in cells:
        places = {knob.name: place for knob, place in positions(knobs, cell)}
        built = build(knobs, space.names, lambda knob, places=places: places[knob.name])
        assert repr(built) == repr({name: cell[name] for name in space.names if name in cell})


def test_only_knobs_that_are_there_are_asked_for() -> None:
    knobs, names = of(**CHAIN)
    asked: list[str] = []
    first = build(knobs, names, lambda knob: asked.append(knob.name) or knob.low)
    assert first == {"a": 8, "constant": "x", "late": 1, "p": 1, "q": 0.5}
    assert asked == ["paired", "a", "late"]


@given(st.floats(1e-6, 1e-2), st.floats(-1, 3), st.integers(2, 6))
def test_values_of_ranges_are_their_own_positions(log: float, real: float, whole: int) -> None:
    knobs, names = of(log=LOG, real=REAL, whole=INT)
    cell = {"log": log, "real": real, "whole": whole}
    places = {knob.name: place for knob, place in positions(knobs, cell)}
    assert places == cell
    assert build(knobs, names, lambda knob: places[knob.name]) == cell
    assert all(0 <= knob.unit(place) <= 1 + 1e-12 for knob, place in positions(knobs, cell))


def test_what_is_no_value_of_a_list_has_no_position() -> None:
    knobs, _ = of(a={"values": [1, 2]}, b={"values": ["x", "y"]})
    assert [knob.name for knob, _ in positions(knobs, {"a": 3, "b": "y"})] == ["b"]
    assert list(positions(knobs, {"a": True})) == []
    assert [place for _, place in positions(knobs, {"a": 2.0})] == [1]


def test_distance() -> None:
    knobs, _ = of(
        a={"values": [1, 2, 4]},
        rate=LOG,
        word={"values": ["x", "y", "z"]},
        more={"values": [1, 2], "when": {"word": "x"}},
    )
    here = {"a": 1, "rate": 1e-4, "word": "x", "more": 1}
    assert distance(knobs, here, here) == 0
    assert distance(knobs, here, {**here, "a": 2}) == 0.5
    assert distance(knobs, here, {**here, "rate": 1e-3}) == pytest.approx(0.25)
    assert distance(knobs, here, {"a": 1, "rate": 1e-4, "word": "z"}) == 2
    away = {"a": 4, "rate": 1e-2, "word": "y"}
    assert distance(knobs, here, away) == distance(knobs, away, here)
    assert math.isfinite(distance(knobs, here, {}))


def test_ordered() -> None:
    assert ordered(Range.model_validate(LOG))
    assert ordered(Choice(values=[1, 2.5]))
    assert not any(ordered(Choice(values=some)) for some in ([1], [True, False], [1, "a"]))
