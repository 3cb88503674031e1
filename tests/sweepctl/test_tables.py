from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

from asking import make_trial as trial
from rich.console import Console

from service.schemas import Agent, Pool
from sweepctl import tables
from sweeps.lifecycle import SweepState

NOW = datetime.now(UTC)


def drawn(view: Any) -> list[list[str]]:
    out = io.StringIO()
    Console(file=out, width=500, color_system=None).print(view)
    return [line.split() for line in out.getvalue().splitlines()]


def test_parameters_that_a_trial_lacks_are_dashes() -> None:
    rows = drawn(tables.trials([trial(0), trial(1, params={"warmup_steps": 5})], "m", False))
    assert rows[0][2:4] == ["LEARNING_RATE", "WARMUP_STEPS"]
    assert rows[1][2:4] == ["0.1", "-"]
    assert rows[2][2:4] == ["-", "5"]


def test_an_error_is_one_line() -> None:
    error = 'Traceback (most recent call last):\n  File "x.py"\nRuntimeError: boom\n'
    rows = drawn(tables.trials([trial(0, reason=error), trial(1)], "m", False))
    assert [row[-2:] for row in rows[1:]] == [["RuntimeError:", "boom"], ["-", "-"]]


def test_wide_has_the_whole_id() -> None:
    rows = drawn(tables.trials([trial(7, point=3)], "m", True))
    assert f"trl_{7:032x}" in rows[1]
    assert rows[1][-2] == "3"


def test_pools_count_living_agents() -> None:
    def agent(name: str, alive: bool) -> Agent:
        return Agent(
            name=name,
            device_kind="cuda" if alive else "cpu",
            slots=2,
            recipes=["sft"],
            version="1",
            seen_at=NOW,
            alive=alive,
        )

    pools = [
        Pool(name="a", slots=2, agents=[agent("x", True), agent("y", False)], sweeps={}),
        Pool(name="b", slots=0, agents=[], sweeps={SweepState.QUEUED: 1}),
    ]
    rows = drawn(tables.pools(pools, False))
    assert rows[1] == ["a", "2", "1/2", "alive", "cuda", "none"]
    assert rows[2] == ["b", "0", "0/0", "alive", "-", "1", "QUEUED"]
    wide = drawn(tables.pools(pools, True))
    assert [row[:3] for row in wide[1:]] == [["a", "x", "yes"], ["a", "y", "no"], ["b", "-", "no"]]
