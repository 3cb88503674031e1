from __future__ import annotations

from typing import Any

import numpy as np
from stories import make_spec

from sweeps.searchers.remaining import TRIES, Remaining, key, keys

RATE = {"distribution": "uniform", "min": 0, "max": 1}
RNG = np.random.default_rng(0)


def of(horizon: int = 1000, method: str = "random", **parameters: Any) -> Remaining:
    spec = make_spec(parameters=parameters, method={"type": method}, budget={"trials": 5})
    return Remaining(spec, horizon)


def test_keys_tell_types_apart_and_no_order() -> None:
    assert len(keys([{"a": 1}, {"a": 1.0}, {"a": True}, {"a": "1"}, {"b": 1}])) == 5
    assert key({"a": 1, "b": 2}) == key({"b": 2, "a": 1})


def test_cells_are_those_that_can_run() -> None:
    remaining = of(global_batch_size={"values": [10, 20]}, warmup_steps={"values": [0, 60]})
    assert remaining.cells == [
        {"global_batch_size": 10, "warmup_steps": 0},
        {"global_batch_size": 10, "warmup_steps": 60},
        {"global_batch_size": 20, "warmup_steps": 0},
    ]
    unable = {"global_batch_size": 20, "warmup_steps": 60}
    assert not remaining.fits(unable, set())


def test_whole_number_ranges_are_listed_when_they_are_short() -> None:
    short = {"distribution": "int_uniform", "min": -1, "max": 20_000}
    cells = of(n=short, a={"values": ["x", "y"]}).cells
    assert cells is not None
    assert len(cells) == 40_004
    assert cells[0] == {"n": -1, "a": "x"}
    long = {"distribution": "int_uniform", "min": 0, "max": 2**52}
    assert of(n=long).cells is None
    assert of(n=short, a={"values": list(range(6))}).cells is None
    assert of(n=short, rate=RATE).cells is None


def test_what_was_asked_and_what_is_excluded_do_not_fit() -> None:
    remaining = of(a={"values": [1, 2, 3]}, exclude=[{"a": 2}])
    assert not remaining.fits({"a": 1}, keys([{"a": 1}]))
    assert not remaining.fits({"a": 2}, set())
    assert remaining.fits({"a": 3}, keys([{"a": 1}]))
    assert remaining.left(keys([{"a": 1}])) == [{"a": 3}]


def test_exhausted_is_when_nothing_is_left() -> None:
    remaining = of(a={"values": [1, 2]})
    assert not remaining.exhausted([{"a": 1}])
    assert not remaining.exhausted([{"a": 1}, {"a": 7}])
    assert remaining.exhausted([{"a": 1}, {"a": 2}])
    assert not of(rate=RATE).exhausted([{"rate": 0.5}] * 3)
    assert of(a={"values": [1, 2]}, exclude=[{"a": [1, 2]}]).exhausted([])


def test_the_last_cell_is_found_among_many() -> None:
    remaining = of(a={"values": list(range(5000))})
    before = keys({"a": n} for n in range(5000) if n != 77)
    assert remaining.drawn(RNG, before) == {"a": 77}
    assert remaining.choices(RNG, before) == [{"a": 77}]
    assert remaining.drawn(RNG, before | keys([{"a": 77}])) is None
    assert remaining.choices(RNG, before | keys([{"a": 77}])) == []


def test_choices() -> None:
    assert of(a={"values": [1, 2, 3]}).choices(RNG, keys([{"a": 2}])) == [{"a": 1}, {"a": 3}]
    many = of(rate=RATE).choices(RNG, set())
    assert len(keys(many)) == TRIES
    few = of(rate=RATE, warmup_steps={"values": [0, 500]}).choices(RNG, set())
    assert {cell["warmup_steps"] for cell in few} == {0, 500}


def test_a_space_that_allows_nothing_ends_soon() -> None:
    closed = of(rate=RATE, a={"value": 1}, exclude=[{"a": 1}])
    assert closed.drawn(RNG, set()) is None
    assert closed.choices(RNG, set()) == []
