from __future__ import annotations

from pathlib import Path

import pytest

from tests.sweeps.simulator.test_folders import line, one, rows


def test_every_seed_is_a_run_and_of_a_doubled_line_the_first_counts(tmp_path: Path) -> None:
    told = rows(seed=1) + rows(seed=2)
    lines = [line(seed=1, final=0.5), line(seed=1, final=9.0), line(seed=2, final=0.75)]
    group = one(tmp_path, told, lines)
    assert [run.key for run in group.runs] == [("a", 1), ("a", 2)]
    assert [run.final for run in group.runs] == [0.5, 0.75]
    assert {run.params["seed"] for run in group.runs} == {1, 2}


def test_seeds_in_one_file_only_are_no_hindrance(tmp_path: Path) -> None:
    group = one(tmp_path / "runs", rows(seed=1) + rows(seed=2), [line(final=0.5)])
    assert [run.final for run in group.runs] == [0.5, 0.5]
    group = one(tmp_path / "finals", rows(), [line(seed=4, final=0.5), line(seed=5, final=0.6)])
    assert [run.final for run in group.runs] == [0.5]


def test_a_rate_that_moves_is_the_schedule(tmp_path: Path) -> None:
    told = [{**row, "learning_rate": 0.1 * row["step"]} for row in rows()]
    (run,) = one(tmp_path, told, [line()]).runs
    assert "learning_rate" not in run.params
    assert run.rate.values.tolist() == pytest.approx([0.1, 0.2, 0.3, 0.4])
