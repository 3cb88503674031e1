"""Small folders of recorded curves, written as people write them."""

from __future__ import annotations

import csv
import gzip
import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet

Row = dict[str, Any]


def write_folder(
    folder: Path, runs: Sequence[Row], finals: Sequence[Row], kind: str = "csv"
) -> Path:
    """runs.csv.gz or runs.parquet, and finals.csv. A key that a row lacks is an empty cell."""
    folder.mkdir(parents=True, exist_ok=True)
    if kind == "parquet":
        names = list(dict.fromkeys(name for row in runs for name in row))
        rows = [{name: row.get(name) for name in names} for row in runs]
        pyarrow.parquet.write_table(pa.Table.from_pylist(rows), folder / "runs.parquet")
    else:
        (folder / "runs.csv.gz").write_bytes(gzip.compress(_csv(runs).encode()))
    (folder / "finals.csv").write_text(_csv(finals))
    return folder


def _csv(rows: Sequence[Row]) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, names)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def small_sweep(
    group: str = "toy", trials: int = 8, steps: int = 40
) -> tuple[list[Row], list[Row]]:
    """A sweep of learning rates with every fate: trial 0 is the best, each one after it worse;
    trial 1 reaches its target at three quarters, trial 3 turns to NaN at step 6, trial 6 climbs.

    Batches of 10, one row a step; the metric along the way is a loss, as the final is.
    """
    runs: list[Row] = []
    finals: list[Row] = []
    for trial in range(trials):
        config = f"lr={0.1 / (trial + 1):.4g}"
        level = 0.0
        last = steps * 3 // 4 if trial == 1 else steps
        for step in range(1, last + 1):
            level = 0.2 * trial + 2 / math.sqrt(step)
            loss = level + (step / 4 if trial == 6 else 0)
            if trial == 3 and step > 5:
                loss = math.nan
            runs.append(
                {
                    "group": group,
                    "config_id": config,
                    "learning_rate": 0.1 / (trial + 1),
                    "batch_size": 10,
                    "step": step,
                    "samples_seen": step * 10,
                    "train_loss": loss,
                    "grad_norm": 1 + 1 / step,
                    "eval_metric": level if step % 2 == 0 else None,
                }
            )
        final = math.nan if trial == 3 else level
        finals.append(
            {"group": group, "config_id": config, "final_metric": final, "higher_is_better": False}
        )
    return runs, finals
