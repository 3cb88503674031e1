from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from curve_files import small_sweep, write_folder

from benchmarks.pruners import robust
from sweeps.backtest.engine import Policy, Settings, run
from sweeps.simulator.folders import read_groups
from sweeps.simulator.recorded import Group


@pytest.fixture
def group(tmp_path: Path) -> Group:
    return read_groups(write_folder(tmp_path, *small_sweep()))[0]


def test_a_variant_changes_what_it_says(group: Group) -> None:
    changed = {name: change(group) for name, change in robust.VARIANTS.items()}
    assert changed["metric missing"].spec(10).spec.metric.name == "loss"
    assert not any(run.grad_norm.there.any() for run in changed["norm missing"].runs)
    assert changed["target turned round"].ranked()[0].final == max(
        run.final or 0.0 for run in (*group.runs[:3], *group.runs[4:])
    )


def test_running_everything_equals_chance(group: Group) -> None:
    """All was run but what a guard stopped, which would never have been the best."""
    outcomes = run([group], Policy(), Settings(slots=2, orders=2, points=10))
    compute, kept, luck = robust.against_chance([group], outcomes, 0.02)
    assert kept == 1.0
    assert luck == pytest.approx(compute, abs=0.05)


def test_an_oracle_after_the_rung_pays_for_the_others_first_twentieth(group: Group) -> None:
    bare, bound = robust.oracle([group]), robust.rung_oracle([group], 20)
    assert bare < bound < 1.0
    alone = replace(group, runs=group.runs[1:2])
    assert robust.rung_oracle([alone], 20) == 1.0


def test_below_chance_is_named() -> None:
    found = {("d", "norm missing", 0.1): (0.5, 0.4, 0.5), ("d", "norm missing", 0.2): (0.4, 1, 0.4)}
    (line,) = robust.lines(found)
    assert line.met is False
    assert line.told == "risk 0.1: 0.40 against 0.50 at 0.50; risk 0.2: 1.00 against 0.40 at 0.40"


def test_an_oracle_runs_one(group: Group) -> None:
    assert robust.oracle([group]) == pytest.approx(40 / 310)
    short = replace(group, higher_is_better=False, runs=group.runs[1:2])
    assert robust.oracle([short]) == 1.0
