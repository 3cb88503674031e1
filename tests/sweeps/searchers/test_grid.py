from __future__ import annotations

import pytest
from stories import HORIZON, Script, make_spec

from sweeps.errors import SpecError
from sweeps.searchers.grid import GridSearcher
from sweeps.space import grid
from sweeps.trial import Params, Role


def asked_all(script: Script, searcher: GridSearcher) -> list[Params]:
    found = []
    while body := searcher.ask(script.story):
        script.add(body)
        found.append(body.params)
    return found


def test_every_cell_once_in_the_order_written() -> None:
    spec = make_spec()
    found = asked_all(Script(), GridSearcher(spec, HORIZON))
    assert found == list(grid(spec.spec.parameters))


def test_the_budget_takes_the_first_cells() -> None:
    spec = make_spec(budget={"trials": 4})
    found = asked_all(Script(), GridSearcher(spec, HORIZON))
    assert found == list(grid(spec.spec.parameters))[:4]


def test_runs_of_another_role_take_no_cell() -> None:
    script, searcher = Script(), GridSearcher(make_spec(), HORIZON)
    script.ask(role=Role.BASE)
    assert len(asked_all(script, searcher)) == 6
    assert list(script.story.trials) == list(range(7))


def test_cells_that_cannot_run_at_the_counted_horizon_are_an_error() -> None:
    """With epochs the length is known only when the data is counted."""
    warm = {"global_batch_size": {"values": [10, 100]}, "warmup_steps": {"values": [0, 50]}}
    spec = make_spec(horizon={"epochs": 1}, parameters=warm)
    with pytest.raises(SpecError, match="this cell cannot run"):
        GridSearcher(spec, 1000)
    assert len(asked_all(Script(), GridSearcher(spec, 100_000))) == 4


def test_seeds() -> None:
    searcher = GridSearcher(make_spec(seed=7), HORIZON)
    first = searcher.ask(Script().story)
    assert first is not None
    assert first.seed == 7
    seeded = make_spec(seed=7, parameters={"seed": {"values": [3]}})
    own = GridSearcher(seeded, HORIZON).ask(Script().story)
    assert own is not None
    assert own.seed == 3
