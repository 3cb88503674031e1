from __future__ import annotations

from typing import Any

from stories import HORIZON, Script, make_spec

from sweeps.searchers.random import RandomSearcher
from sweeps.space import grid
from sweeps.trial import Params

RANGES = {
    "global_batch_size": {"values": [10, 20]},
    "learning_rate": {"distribution": "log_uniform_values", "min": 1e-6, "max": 1e-3},
}


def of(trials: int, parameters: dict[str, Any] | None = None, **changes: Any) -> RandomSearcher:
    full = {"parameters": parameters or RANGES, "budget": {"trials": trials}, **changes}
    return RandomSearcher(make_spec(method={"type": "random"}, **full), HORIZON)


def asked_all(searcher: RandomSearcher) -> list[Params]:
    script, found = Script(), []
    while body := searcher.ask(script.story):
        script.add(body)
        found.append(body.params)
    return found


def test_it_draws_as_many_as_the_budget_says() -> None:
    found = asked_all(of(12))
    assert len(found) == 12
    assert {cell["global_batch_size"] for cell in found} == {10, 20}
    assert all(1e-6 <= float(cell["learning_rate"]) <= 1e-3 for cell in found)


def test_another_seed_draws_something_else() -> None:
    assert asked_all(of(5, seed=1)) != asked_all(of(5, seed=2))
    assert asked_all(of(5, seed=1)) == asked_all(of(5, seed=1))


def test_a_larger_budget_begins_with_the_same_draws() -> None:
    assert asked_all(of(20))[:5] == asked_all(of(5))


def test_a_small_finite_space_is_used_up_without_repeating_a_cell() -> None:
    values = {"a": {"values": list(range(7))}, "b": {"values": ["x", "y"]}}
    found = asked_all(of(50, values))
    assert len(found) == 14
    cells = list(grid(make_spec(parameters=values).spec.parameters))
    assert sorted(map(repr, found)) == sorted(map(repr, cells))


def test_excluded_cells_are_drawn_again() -> None:
    values = {**RANGES, "exclude": [{"global_batch_size": 10}]}
    assert {cell["global_batch_size"] for cell in asked_all(of(20, values))} == {20}


def test_cells_that_cannot_run_are_drawn_again() -> None:
    values = {**RANGES, "warmup_steps": {"values": [0, 60]}}
    found = asked_all(of(30, values))
    assert len(found) == 30
    assert {(c["global_batch_size"], c["warmup_steps"]) for c in found} == {
        (10, 0), (10, 60), (20, 0),
    }  # fmt: skip


def test_a_space_with_nothing_left_ends_the_search() -> None:
    impossible = {"global_batch_size": {"value": 10}, "warmup_steps": {"values": [500, 600]}}
    assert asked_all(of(3, impossible)) == []
    assert asked_all(of(3, {"a": {"values": [1, 2]}, "exclude": [{"a": [1, 2]}]})) == []
