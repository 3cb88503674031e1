from __future__ import annotations

import math

from stories import Script

from sweeps.journal import Asked
from sweeps.searchers import make_searcher
from tests.sweeps.searchers.test_optuna_search import (
    LONG,
    RATE,
    UNIT,
    spec_of,
)


def test_sobol_points_are_balanced() -> None:
    """Of the first 2^k points each 2^k-th part of every axis holds exactly one."""
    spec = spec_of("qmc", {"x": UNIT, "learning_rate": RATE, "n": {"values": list(range(8))}})
    script, searcher = Script(), make_searcher(spec, LONG)
    for _ in range(16):
        body = searcher.ask(script.story)
        assert body is not None
        script.add(body)
    cells = [record.trial.params for record in script.story.trials.values()]
    spots = [math.log10(float(cell["learning_rate"]) / 1e-6) / 4 for cell in cells]
    for count in (4, 8, 16):
        assert sorted(int(float(cell["x"]) * count) for cell in cells[:count]) == list(range(count))
        assert sorted(int(spot * count) for spot in spots[:count]) == list(range(count))
    assert sorted(int(cell["n"]) for cell in cells) == sorted([*range(8)] * 2)
    other = make_searcher(spec_of("qmc", {"x": UNIT}, seed=1), LONG).ask(Script().story)
    assert other is not None
    assert all(abs(float(other.params["x"]) - float(cell["x"])) > 1e-9 for cell in cells)


def test_a_sobol_point_that_cannot_be_asked_is_passed_over() -> None:
    plain = make_searcher(spec_of("qmc", {"x": UNIT, "a": {"values": ["p", "q"]}}), LONG)
    fewer = {"x": UNIT, "a": {"values": ["p", "q"]}, "exclude": [{"a": "p"}]}
    script, rest = Script(), Script()
    left = make_searcher(spec_of("qmc", fewer), LONG)
    for _ in range(16):
        script.add(plain.ask(script.story) or Asked(trial=0, params={}))
    for _ in range(8):
        rest.add(left.ask(rest.story) or Asked(trial=0, params={}))
    whole = [record.trial.params for record in script.story.trials.values()]
    assert [record.trial.params for record in rest.story.trials.values()] == [
        cell for cell in whole if cell["a"] == "q"
    ]
