"""From recorded groups to a prior: the same reports and costs that the live pruner looks at.

It stands here because a pruner knows no simulator. Needs scipy, so nothing that the service or the
command line imports may import this; `priors` loads it by name.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from sweeps.points import run_plan
from sweeps.pruners.early_dynamics.prior import SIGNALS, Past, Prior, learn
from sweeps.pruners.early_dynamics.rung import first_mark, rung_point, signal_costs
from sweeps.simulator.recorded import FINAL, Group
from sweeps.simulator.told import Teller
from sweeps.trial import Report, Trial


def learned(groups: Iterable[Group], points: int = 20) -> Prior:
    """The prior of these groups. Raises ValueError when none has enough trials."""
    return learn(past(group, points) for group in groups)


def past(group: Group, points: int = 20) -> Past:
    """A group as the pruner would have seen it at the first rung, with its finals."""
    watch = (group.watch or {}).get("name"), group.eval_higher_is_better
    teller, mark, rows, finals = Teller(group), first_mark(points), [], []
    for number, run in enumerate(group.runs):
        plan = run_plan(run.params, group.horizon, points)
        told = {r.point: r for r in teller.reports(Trial(number, run.params), plan)}
        point = rung_point(told, plan, mark)
        found = None if point is None else told[point]
        rows.append(_costs(found, watch))
        finals.append(_final(told, group))
    signals = {name: np.array([row[i] for row in rows]) for i, name in enumerate(SIGNALS)}
    return Past(group.problem, signals, np.array(finals, dtype=np.float64))


def _costs(report: Report | None, watch: tuple[str | None, bool]) -> list[float]:
    if report is None:
        return [math.nan] * len(SIGNALS)
    name, higher = watch
    return [signal_costs(report, signal, name, higher) for signal in SIGNALS]


def _final(told: dict[int, Report], group: Group) -> float:
    last = told[max(told)] if told else None
    value = math.nan if last is None or last.guard else last.metrics.get(FINAL, math.nan)
    if not math.isfinite(value):
        return math.inf
    return -value if group.higher_is_better else value
