"""What a run was trained with, from both files of a folder."""

from __future__ import annotations

import json
from typing import Any

from sweeps.simulator.cell_values import as_param
from sweeps.simulator.run_rows import FoundRun, RunRows
from sweeps.trial import Params

# Columns of finals.csv that are settings; all others are outcomes or notes.
_SETTINGS = (
    "learning_rate",
    "batch_size",
    "global_batch_size",
    "warmup",
    "warmup_steps",
    "warmup_ratio",
    "lr_scheduler_type",
    "schedule",
    "weight_decay",
    "optimizer",
)
_BLOCKS = ("hparams", "hyperparams")


def params_of(one: FoundRun, rows: RunRows) -> Params:
    """The settings of a run, from both files."""
    values: dict[str, Any] = {name: one.line.get(name) for name in _SETTINGS}
    for block in _BLOCKS:
        inner = one.line.get(block)
        read = json.loads(inner) if isinstance(inner, str) and inner.startswith("{") else {}
        values |= {name: value for name, value in read.items() if values.get(name) is None}
    values |= {name: column[int(one.where[0])] for name, column in rows.settings.items()}
    settings = {name: as_param(value) for name, value in values.items()}
    params: Params = {"config_id": one.key[1]}
    if one.key[2] is not None:
        params["seed"] = one.key[2]
    return params | {name: v for name, v in settings.items() if v is not None and name != "seed"}


def in_common(cells: list[Params]) -> list[Params]:
    """Rows of one sweep name the same parameters: those that not all of them have are left out."""
    shared = set.intersection(*(set(cell) for cell in cells))
    return [{name: value for name, value in cell.items() if name in shared} for cell in cells]


def planned(params: Params, axis: str) -> Params:
    """Under the names that a run's plan reads, where the axis can be planned with.

    `batch_size` is the global batch when x counts samples. Warmup in steps is one in x then, or
    when x counts steps; along epochs it cannot be placed. A `warmup` below 1 is a share of the run.
    """
    found = dict(params)
    if axis == "samples_seen" and "global_batch_size" not in found:
        batch = found.get("batch_size")
        if isinstance(batch, int) and batch >= 1:
            found["global_batch_size"] = found.pop("batch_size")
    if axis != "samples_seen":
        found.pop("global_batch_size", None)
    share = found.get("warmup")
    if isinstance(share, float) and 0 <= share < 1 and "warmup_steps" not in found:
        found.setdefault("warmup_ratio", share)
    if "global_batch_size" not in found and axis != "step":
        found.pop("warmup_steps", None)
    if "warmup_steps" in found:
        found.pop("warmup_ratio", None)
    return found
