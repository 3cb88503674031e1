from __future__ import annotations

from pathlib import Path

import pytest
from curve_files import small_sweep, write_folder

from benchmarks.pruners.others import outcomes, schedulers
from sweeps.backtest.engine import Settings
from sweeps.simulator.folders import read_groups
from sweeps.simulator.recorded import Group

SETTINGS = Settings(slots=2, orders=2, points=10)


@pytest.fixture
def group(tmp_path: Path) -> Group:
    return read_groups(write_folder(tmp_path, *small_sweep()))[0]


def test_what_was_run_and_finished_is_scored(group: Group) -> None:
    """The metric foretells the end exactly, so halving keeps the best and saves."""
    found = outcomes([group], SETTINGS, ["ray ASHA", "optuna median"])
    assert [one.order for one in found["ray ASHA"]] == [0, 1]
    for one in (*found["ray ASHA"], *found["optuna median"]):
        assert one.trials == 8
        assert 0 < one.compute <= 1.0
        assert one.kept_within_tolerance == (one.regret <= 0.02)
        assert one.time_to_result > 0


def test_running_everything_costs_everything(group: Group) -> None:
    """Fewer than five trials ever finish in a sweep of four, so Optuna's median prunes none."""
    small = Group(**{**vars(group), "runs": group.runs[:3]})
    (one, _) = outcomes([small], SETTINGS, ["optuna median"])["optuna median"]
    assert one.compute == pytest.approx(1.0)
    assert (one.regret, one.best_kept, one.finished) == (0, True, 3)
    assert one.time_to_result == pytest.approx(1.0)


def test_every_scheduler_has_a_library() -> None:
    assert {library for library, _ in schedulers().values()} == {"ray_tune", "optuna"}
