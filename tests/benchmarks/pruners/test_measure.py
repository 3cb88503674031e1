from __future__ import annotations

from pathlib import Path

import pytest
from curve_files import small_sweep, write_folder

from benchmarks.pruners.measure import other_libraries, peer_rules
from benchmarks.pruners.targets import ABLATION, PEER
from sweeps.backtest.engine import Settings
from sweeps.simulator.folders import read_groups
from sweeps.simulator.recorded import Group

SETTINGS = Settings(slots=2, orders=1, points=10)


@pytest.fixture
def group(tmp_path: Path) -> Group:
    return read_groups(write_folder(tmp_path, *small_sweep()))[0]


def test_running_everything_is_a_bound_and_no_peer(group: Group) -> None:
    points = {point.policy: point for point in peer_rules([group], SETTINGS)}
    assert points["never"].kind == ABLATION
    assert (points["never"].regret, points["never"].kept) == (0, 1)
    assert points["successive_halving"].kind == PEER
    assert points["successive_halving"].compute < points["never"].compute


def test_the_schedulers_named_are_measured(group: Group) -> None:
    points = other_libraries([group], SETTINGS, ["ray ASHA", "optuna median"])
    assert [(point.library, point.policy) for point in points] == [
        ("ray_tune", "ray ASHA"),
        ("optuna", "optuna median"),
    ]
