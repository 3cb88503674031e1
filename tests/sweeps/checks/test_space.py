from __future__ import annotations

from typing import Any

import pytest
from stories import make_spec

from sweeps.checks.space import corners, method_faults, space_faults
from sweeps.space import grid
from sweeps.spec import SweepSpec

BATCH = {"values": [8, 16]}
RATE = {"values": [0.1, 0.2]}
INTS = {"distribution": "int_uniform", "min": 1, "max": 9}
REALS = {"distribution": "uniform", "min": 0, "max": 1}


def of(**parameters: Any) -> SweepSpec:
    return make_spec(parameters={"batch": BATCH, "rate": RATE, **parameters})


def told(spec: SweepSpec) -> list[tuple[str, str]]:
    return [
        (fault.pointer.removeprefix("/spec/parameters"), fault.message + " " + fault.mend)
        for fault in space_faults(spec)
    ]


@pytest.mark.parametrize(
    ("parameters", "pointer", "said"),
    [
        ({"paired": [{}]}, "/paired/0", "empty"),
        ({"paired": [{"a": 1, "b": 1}, {"a": 2}]}, "/paired/1", "Name: a, b."),
        ({"paired": [{"a": 1}, {"b": 2}]}, "/paired/1", "same parameters"),
        ({"paired": [{"rate": 1}]}, "/rate", "Keep one of the two."),
        ({"exclude": [{}]}, "/exclude/0", "holds for every cell"),
        ({"exclude": [{"rat": 0.1}]}, "/exclude/0/rat", "Did you mean 'rate'?"),
        ({"exclude": [{"rate": 0.3}]}, "/exclude/0/rate", "It takes [0.1, 0.2]."),
        ({"exclude": [{"rate": [0.1, 0.3]}]}, "/exclude/0/rate", "never takes"),
        ({"exclude": [{"rate": []}]}, "/exclude/0/rate", "no value is named"),
        ({"paired": [{"a": 1}], "exclude": [{"a": 2}]}, "/exclude/0/a", "It takes [1]."),
        ({"n": INTS, "exclude": [{"n": 10}]}, "/exclude/0/n", "from 1 to 9"),
        ({"n": INTS, "exclude": [{"n": "x"}]}, "/exclude/0/n", "from 1 to 9"),
        ({"n": REALS, "exclude": [{"n": 0.5}]}, "/exclude/0/n", "Narrow min and max"),
        ({"a": {"value": 1, "when": {}}}, "/a/when", "holds for always"),
        ({"a": {"value": 1, "when": {"b": 1}}}, "/a/when/b", "not a parameter"),
        ({"a": {"value": 1, "when": {"batch": 9}}}, "/a/when/batch", "It takes [8, 16]."),
        ({"a": {"value": 1, "when": {"a": 1}}}, "/a/when", "there only when a is"),
    ],
)
def test_one_fault(parameters: Any, pointer: str, said: str) -> None:
    ((found, message),) = told(of(**parameters))
    assert found == pointer
    assert said in message


def test_a_circle_of_conditions_is_told_at_each_of_its_members() -> None:
    circle = {
        "a": {"value": 1, "when": {"c": 1}},
        "b": {"value": 1, "when": {"a": 1}},
        "c": {"value": 1, "when": {"b": 1}},
        "outside": {"value": 1, "when": {"a": 1}},
    }
    assert [pointer for pointer, _ in told(of(**circle))] == ["/a/when", "/b/when", "/c/when"]


def test_good_conditions_pass() -> None:
    good = {
        "n": INTS,
        "a": {"values": [1, 2], "when": {"batch": 8}},
        "b": {"value": 1, "when": {"a": [1, 2], "n": 5}},
        "paired": [{"p": 1}, {"p": 2}],
        "exclude": [{"p": 2, "rate": [0.1, 0.2]}],
    }
    assert told(of(**good)) == []


def test_a_grid_needs_lists_and_names_each_parameter_without_one() -> None:
    faults = method_faults(of(n=INTS, x=REALS))
    assert [fault.pointer for fault in faults] == ["/spec/parameters/n", "/spec/parameters/x"]
    assert "method: {type: random}" in faults[0].mend


def test_a_grid_that_is_too_large() -> None:
    axes = {f"p{n}": {"values": list(range(60))} for n in range(3)}
    (fault,) = method_faults(make_spec(parameters=axes))
    assert fault.value == "216,000"


@pytest.mark.parametrize("method", ["random", "qmc", "tpe", "gp", "cmaes"])
def test_a_method_that_draws_needs_a_number_of_trials(method: str) -> None:
    (fault,) = method_faults(make_spec(method={"type": method}))
    assert fault.pointer == "/spec/budget/trials"
    assert method_faults(make_spec(method={"type": method}, budget={"trials": 2})) == []


@pytest.mark.parametrize(
    "axes",
    [
        {"word": {"values": ["a", "b"]}, "n": {"value": 1}, "paired": [{"p": 1}, {"p": 2}]},
        {"word": {"values": ["a", "b"]}, "rate": {**REALS, "when": {"word": "a"}}},
        {"mixed": {"values": [1, "two", 3]}, "flag": {"values": [True, False]}},
    ],
)
def test_cmaes_needs_a_number_to_move(axes: dict[str, Any]) -> None:
    spec = make_spec(method={"type": "cmaes"}, budget={"trials": 2}, parameters=axes)
    (fault,) = method_faults(spec)
    assert fault.pointer == "/spec/method/type"
    moved = make_spec(
        method={"type": "cmaes"},
        budget={"trials": 2},
        parameters={**axes, "more": {"values": [1, 2]}},
    )
    assert method_faults(moved) == []


def test_corners_are_the_ends_of_ranges() -> None:
    space = corners(of(n=INTS, x={**REALS, "when": {"batch": 8}}).spec.parameters)
    assert space.finite
    cells = list(grid(space))
    assert {cell["n"] for cell in cells} == {1, 9}
    assert {cell.get("x") for cell in cells} == {0.0, 1.0, None}
