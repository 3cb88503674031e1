"""Recorded sweeps whose figures can be worked out by hand: flat runs of equal length."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from curve_files import Row, write_folder

from sweeps.simulator.folders import read_groups
from sweeps.simulator.recorded import Group

HORIZON = 90


def flat_rows(
    finals: Sequence[float],
    *,
    group: str = "flat",
    workload: str = "toy",
    metrics: Sequence[float] | None = None,
    lengths: Sequence[int] | None = None,
    **notes: Any,
) -> tuple[list[Row], list[Row]]:
    """Trial n measures `metrics[n]` (its final when None) from the first of HORIZON samples to the
    last of its `lengths[n]` (HORIZON when None). Less is better. One row a sample; loss and norm
    are the metric, one up. `notes` are columns of finals.csv."""
    runs: list[Row] = []
    lines: list[Row] = []
    for number, final in enumerate(finals):
        name = {"group": group, "config_id": f"c{number:02}"}
        level = final if metrics is None else metrics[number]
        for x in range(1, (lengths[number] if lengths else HORIZON) + 1):
            signals = {"train_loss": level + 1, "grad_norm": level + 1, "eval_metric": level}
            runs.append({**name, "samples_seen": x, **signals})
        line = {"final_metric": final, "higher_is_better": False, "horizon_samples": HORIZON}
        lines.append({**name, **line, "workload": workload, **notes})
    return runs, lines


def flat_folder(folder: Path, finals: Sequence[float], **more: Any) -> Path:
    """`flat_rows` as files."""
    return write_folder(folder, *flat_rows(finals, **more))


def flat_group(folder: Path, finals: Sequence[float], **more: Any) -> Group:
    """`flat_rows`, read."""
    (group,) = read_groups(flat_folder(folder, finals, **more))
    return group
