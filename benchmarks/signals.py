"""What early signals say of the finals in recorded curves: rank correlations, printed as a table.

    python -m benchmarks.signals FOLDER [--at SHARE ...]

Of each run the last row up to the share of the horizon counts; a run that is still in its warmup
there is left out. The sign is that of a correlation with a better final: for a loss, -1 means that
a lower one ends better. A group is a sweep; workloads are averaged over theirs.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import mean, median

import numpy as np

from benchmarks.output import table
from sweeps.points import run_plan
from sweeps.ranks import rank_agreement
from sweeps.simulator.folders import read_groups
from sweeps.simulator.recorded import Group, Run
from sweeps.simulator.tables import Numbers, read_tables
from sweeps.trial import ParamValue

Key = Callable[[Run], tuple[ParamValue | None, ...]]
Column = Callable[[Group, Run], Numbers]
SIGNALS: dict[str, Column] = {
    "metric": lambda _, run: run.metric,
    "loss": lambda _, run: run.loss,
    "grad_norm": lambda _, run: run.grad_norm,
}
# Within what the runs are compared.
WITHIN: dict[str, tuple[str, ...]] = {
    "all": (),
    "schedule": ("lr_scheduler_type",),
    "batch": ("global_batch_size",),
    "both": ("lr_scheduler_type", "global_batch_size"),
}


def agreement(group: Group, signal: Column, share: float, within: Sequence[str]) -> float | None:
    """Spearman's correlation of an early signal with a better final, averaged over the parts of
    the group that agree in the parameters `within`. None where no part has enough runs."""
    parts: dict[tuple[ParamValue | None, ...], list[tuple[float, float]]] = defaultdict(list)
    sign = 1.0 if group.higher_is_better else -1.0
    for run in group.runs:
        early = _early(group, run, signal(group, run), share)
        if early is not None and run.final is not None and math.isfinite(run.final):
            parts[tuple(run.params.get(name) for name in within)].append((early, sign * run.final))
    found = [rank_agreement(pairs) for pairs in parts.values()]
    known = [value for value in found if value is not None]
    return mean(known) if known else None


def true_norms(folder: Path) -> dict[str, Column]:
    """The signal `true_grad_norm`, the norm without the noise, of a folder that has such a column;
    else nothing."""
    runs, _ = read_tables(folder)
    norms, x, seeds = (runs.numbers(n) for n in ("true_grad_norm", "samples_seen", "seed"))
    if not norms.there.any():
        return {}
    (groups, group_names), (configs, config_names) = runs.codes("group"), runs.codes("config_id")
    rows: dict[tuple[str, str, float | None], list[int]] = defaultdict(list)
    for index in np.argsort(x.values, kind="stable").tolist():
        name, config = group_names[groups[index]], config_names[configs[index]]
        rows[name, config, seeds.at(index)].append(index)

    def column(group: Group, run: Run) -> Numbers:
        config, seed = run.key
        where = rows[group.name, config, None if seed is None else float(seed)]
        return Numbers(norms.values[where], norms.there[where])

    return {"true_grad_norm": column}


def _early(group: Group, run: Run, column: Numbers, share: float) -> float | None:
    """The signal's last finite value up to the share, None in warmup or without one."""
    mark = share * group.horizon
    if group.axis == "samples" and mark <= run_plan(run.params, group.horizon, 1).warmup_samples:
        return None
    there = column.there & np.isfinite(column.values) & (run.x <= mark)
    return float(column.values[there][-1]) if there.any() else None


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the finals of each group, then the correlations of each workload."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--at", type=float, nargs="+", default=[0.1, 0.2, 0.4], metavar="SHARE")
    given = parser.parse_args(arguments)
    groups = read_groups(given.folder)
    head = ("group", "runs", "best", "median", "worst", "without a final", "best run")
    print(table(head, [_finals(group) for group in groups]), end="\n\n")
    by_workload: dict[str, list[Group]] = defaultdict(list)
    for group in groups:
        by_workload[group.workload].append(group)
    columns = SIGNALS | true_norms(given.folder)
    lines = [
        (name, f"{share:g}", signal, *(_over(inner, column, share, w) for w in WITHIN.values()))
        for name, inner in by_workload.items()
        for share in given.at
        for signal, column in columns.items()
    ]
    print(table(("workload", "at", "signal", *WITHIN), lines))
    return 0


def _finals(group: Group) -> tuple[object, ...]:
    finite = [r.final for r in group.runs if r.final is not None and math.isfinite(r.final)]
    ranked = group.ranked()
    ends = (finite and ranked[0].final, finite and median(finite), finite and _worst(group, finite))
    shown = [f"{value:.4g}" if isinstance(value, float) else "-" for value in ends]
    return (group.name, len(group.runs), *shown, len(group.runs) - len(finite), ranked[0].key[0])


def _worst(group: Group, finite: Iterable[float]) -> float:
    return min(finite) if group.higher_is_better else max(finite)


def _over(groups: Sequence[Group], signal: Column, share: float, within: Sequence[str]) -> str:
    """Mean over groups."""
    found = [agreement(group, signal, share, within) for group in groups]
    known = [value for value in found if value is not None]
    return f"{mean(known):+.2f}" if known else "-"


if __name__ == "__main__":
    sys.exit(main())
