"""From the two tables of a folder to its groups: who ran, on what axis, with what settings."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sweeps.simulator.cell_values import as_number, as_positive, as_truth
from sweeps.simulator.recorded import Group, Run, whole
from sweeps.simulator.run_rows import AXES, FoundRun, RunRows, lines_by_run
from sweeps.simulator.run_settings import in_common, params_of, planned
from sweeps.simulator.tables import CurvesError, Numbers, read_tables
from sweeps.trial import Params


def read_groups(folder: Path, min_trials: int = 1) -> list[Group]:
    """The groups of a folder with at least `min_trials` runs, in the order of their names.

    A run takes part when it has rows, a line in finals.csv and is not `valid: False`. Raises
    CurvesError for a folder that is not of this format.
    """
    runs, finals = read_tables(folder)
    axis = next((name for name in AXES if runs.numbers(name).there.any()), None)
    if axis is None:
        raise CurvesError(f"{folder / runs.name} has no column {', '.join(AXES)}.")
    rows = RunRows(runs, axis)
    by_group: dict[str, list[FoundRun]] = {}
    lines = lines_by_run(finals, seeded="seed" in runs.columns)
    for key, where in rows.runs():
        # A file of finals without seeds speaks of all runs of a configuration.
        line = lines.get(key) or lines.get((key[0], key[1], None))
        if line is not None:
            by_group.setdefault(key[0], []).append(FoundRun(key, line, where))
    made = (_group(name, found, rows) for name, found in sorted(by_group.items()))
    return [group for group in made if len(group.runs) >= min_trials]


def _group(name: str, found: list[FoundRun], rows: RunRows) -> Group:
    first = found[0].line
    higher = as_truth(first["higher_is_better"])
    along = first.get("eval_higher_is_better")
    x, factor = whole(rows.x.values[np.concatenate([one.where for one in found])])
    horizon = _horizon(found, rows, factor) or int(x.max())
    common = in_common([params_of(one, rows) for one in found])
    return Group(
        name=name,
        workload=str(first.get("workload") or name),
        axis=AXES[rows.axis],
        horizon=max(horizon, 1),
        higher_is_better=higher,
        eval_higher_is_better=higher if along is None else as_truth(along),
        runs=tuple(
            _run(one, params, rows, factor) for one, params in zip(found, common, strict=True)
        ),
        problem=str(first.get("workload") or first.get("problem") or name.partition("/")[0]),
    )


def _horizon(found: list[FoundRun], rows: RunRows, factor: int) -> int | None:
    """The longest horizon that the finals name, in units of x; None when they name none."""
    named = [one.line.get("horizon_samples") for one in found]
    horizons = [as_positive(value) for value in named] if rows.axis == "samples_seen" else []
    if not any(horizons):
        horizons = [_hint(one, rows) for one in found]
    known = [value for value in horizons if value is not None]
    return round(max(known) * factor) if known else None


def _hint(one: FoundRun, rows: RunRows) -> float | None:
    """`step_hint` in units of x: steps as they are, samples by the batch that the rows show."""
    steps = as_positive(one.line.get("step_hint"))
    if steps is None or rows.axis == "step":
        return steps
    if rows.axis == "epoch":
        return None
    walked, seen = rows.steps.values[one.where], rows.x.values[one.where]
    moved = rows.steps.there[one.where] & (walked > 0)
    if not moved.any():
        batch = as_positive(one.line.get("batch_size"))
        return None if batch is None else steps * batch
    return steps * float(seen[moved][-1] / walked[moved][-1])


def _run(one: FoundRun, params: Params, rows: RunRows, factor: int) -> Run:
    x = np.round(rows.x.values[one.where] * factor).astype(np.int64)
    cut = {
        name: Numbers(column.values[one.where], column.there[one.where])
        for name, column in rows.signals.items()
    }
    return Run(
        params=planned(params, rows.axis),
        final=as_number(one.line["final_metric"]),
        x=x,
        loss=cut["train_loss"],
        grad_norm=cut["grad_norm"],
        metric=cut["eval_metric"],
        rate=cut["lr_now"],
    )
