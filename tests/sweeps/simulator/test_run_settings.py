from __future__ import annotations

import json
from pathlib import Path

import pytest
from curve_files import Row

from sweeps.points import run_plan
from tests.sweeps.simulator.test_folders import line, one, rows


def test_settings_come_from_both_files_and_outcomes_do_not(tmp_path: Path) -> None:
    block = json.dumps({"beta1": 0.9, "layers": [1, 2], "name": "adam", "learning_rate": 7})
    told = rows(learning_rate=0.1, note="same", val_loss=3.0)
    for index, row in enumerate(told):
        row["val_loss"] = index
    lines = [line(hparams=block, weight_decay=0.01, reached_target=True, last_step=4)]
    (run,) = one(tmp_path, told, lines).runs
    assert run.params == {
        "config_id": "a", "learning_rate": 0.1, "note": "same", "weight_decay": 0.01,
        "beta1": 0.9, "name": "adam",
    }  # fmt: skip


def test_a_setting_that_only_some_have_is_left_out(tmp_path: Path) -> None:
    lines = [line("a", learning_rate=0.1, weight_decay=0.5), line("b", learning_rate=0.2)]
    group = one(tmp_path, rows("a") + rows("b"), lines)
    assert [run.params for run in group.runs] == [
        {"config_id": "a", "learning_rate": 0.1}, {"config_id": "b", "learning_rate": 0.2}
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("x", "cells", "warmup"),
    [
        ("samples_seen", {"batch_size": 2, "warmup_steps": 1}, 2),
        ("step", {"batch_size": 2, "warmup_steps": 1}, 1),
        ("epoch", {"batch_size": 2, "warmup_steps": 1}, 0),
        ("step", {"warmup": 0.5}, 2),
        ("step", {"warmup": 0.5, "warmup_steps": 1}, 1),
    ],
)
def test_warmup_is_placed_where_the_axis_allows(
    tmp_path: Path, x: str, cells: Row, warmup: int
) -> None:
    (run,) = one(tmp_path, rows(x=x), [line(**cells)]).runs
    assert run_plan(run.params, 4, 2).warmup_samples == warmup
