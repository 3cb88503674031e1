from __future__ import annotations

import math
from pathlib import Path

import pytest
from curve_files import small_sweep, write_folder

from sweeps.simulator.tables import CurvesError, read_tables

LINE = {"group": "g", "config_id": 1, "final_metric": 0.5, "higher_is_better": True}
ROWS = [
    {"group": "g", "config_id": 1, "step": 1, "train_loss": 2.0, "eval_metric": None},
    {"group": "g", "config_id": 1, "step": 2, "train_loss": math.nan, "eval_metric": 0.5},
    {"group": "g", "config_id": 1, "step": 3, "train_loss": None, "eval_metric": math.inf},
]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_absent_nan_and_infinite_are_three_things(tmp_path: Path, kind: str) -> None:
    runs, finals = read_tables(write_folder(tmp_path, ROWS, [LINE], kind))
    loss, metric = runs.numbers("train_loss"), runs.numbers("eval_metric")
    assert [loss.at(0), loss.at(2), metric.at(0)] == [2.0, None, None]
    assert math.isnan(loss.at(1) or 0)
    assert metric.at(2) == math.inf
    assert finals.records() == [LINE]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_column_that_is_not_there_has_nothing_in_it(tmp_path: Path, kind: str) -> None:
    runs, _ = read_tables(write_folder(tmp_path, ROWS, [LINE], kind))
    assert not runs.numbers("grad_norm").there.any()
    assert not runs.numbers("group").there.any()
    codes, words = runs.codes("seed")
    assert (codes.tolist(), words) == ([-1, -1, -1], [])


def test_names_are_words_whatever_their_type(tmp_path: Path) -> None:
    runs, _ = read_tables(write_folder(tmp_path, ROWS, [LINE], "parquet"))
    assert runs.codes("config_id")[1] == ["1"]
    floats = [{**row, "config_id": 1.0} for row in ROWS]
    runs, _ = read_tables(write_folder(tmp_path, floats, [LINE], "parquet"))
    assert runs.codes("config_id")[1] == ["1"]


def test_a_folder_that_is_none_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(CurvesError, match=r"runs\.parquet"):
        read_tables(tmp_path)
    write_folder(tmp_path, *small_sweep(trials=2))
    (tmp_path / "finals.csv").unlink()
    with pytest.raises(CurvesError, match=r"finals\.csv"):
        read_tables(tmp_path)
    (tmp_path / "finals.csv").write_text("group,config_id\na,b\n")
    with pytest.raises(CurvesError, match="lacks the column final_metric, higher_is_better"):
        read_tables(tmp_path)
    (tmp_path / "runs.parquet").write_text("no parquet")
    with pytest.raises(CurvesError, match="cannot be read"):
        read_tables(tmp_path)
