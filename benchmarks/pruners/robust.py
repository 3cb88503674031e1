"""The same groups with a signal taken away or the target turned round, against chance."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean

from benchmarks.pruners.targets import Line, random_kept
from sweeps.backtest.scoring import Outcome, Scale
from sweeps.backtest.variants import reversed_target, without
from sweeps.points import run_plan
from sweeps.pruners.early_dynamics.rung import first_mark
from sweeps.simulator.recorded import Group
from sweeps.trial import Params

VARIANTS: dict[str, Callable[[Group], Group]] = {
    "metric missing": lambda group: without(group, ("metric",)),
    "norm missing": lambda group: without(group, ("grad_norm",)),
    "target turned round": reversed_target,
}


def against_chance(
    groups: Sequence[Group], outcomes: Sequence[Outcome], tolerance: float
) -> tuple[float, float, float]:
    """Compute, survival, and the survival of as much compute spent on trials drawn at random and
    run to their end, counted exactly; means over workloads."""
    good = {group.name: _good(group, tolerance) for group in groups}
    chance = [random_kept(one.trials, good[one.group], one.compute) for one in outcomes]
    by: dict[str, list[tuple[float, float, float]]] = {}
    for one, luck in zip(outcomes, chance, strict=True):
        by.setdefault(one.workload, []).append((one.compute, one.kept_within_tolerance, luck))
    means = [[fmean(column) for column in zip(*rows, strict=True)] for rows in by.values()]
    compute, kept, luck = (fmean(column) for column in zip(*means, strict=True))
    return compute, kept, luck


def lines(found: Mapping[tuple[str, str, float], tuple[float, float, float]]) -> list[Line]:
    """One line for each (data set, variant), over the risks in `found`."""
    told: dict[tuple[str, str], list[tuple[bool, str]]] = {}
    for (case, variant, risk), (compute, kept, luck) in found.items():
        told.setdefault((case, variant), []).append(
            (kept >= luck, f"risk {risk:g}: {kept:.2f} against {luck:.2f} at {compute:.2f}")
        )
    return [
        Line(
            f"{variant}: survival not below chance",
            case,
            all(met for met, _ in some),
            "; ".join(text for _, text in some),
        )
        for (case, variant), some in told.items()
    ]


def oracle(groups: Sequence[Group]) -> float:
    """What running the best run alone costs, as a share of running all; a mean over workloads."""
    by: dict[str, list[float]] = {}
    for group in groups:
        lengths = [run.length(group.horizon) for run in group.runs]
        best = group.runs.index(group.ranked()[0])
        by.setdefault(group.workload, []).append(lengths[best] / sum(lengths))
    return fmean(fmean(values) for values in by.values())


def rung_oracle(groups: Sequence[Group], points: int) -> float:
    """The same where every run first comes to the first rung of early_dynamics, past its own
    warmup: no order and no estimate can spend less and keep the best."""
    by: dict[str, list[float]] = {}
    for group in groups:
        best, lengths = group.ranked()[0], [run.length(group.horizon) for run in group.runs]
        spent = [
            whole if run is best else min(whole, _to_rung(run.params, group.horizon, points))
            for run, whole in zip(group.runs, lengths, strict=True)
        ]
        by.setdefault(group.workload, []).append(sum(spent) / sum(lengths))
    return fmean(fmean(values) for values in by.values())


def _to_rung(params: Params, horizon: int, points: int) -> int:
    plan = run_plan(params, horizon, points)
    first = plan.first_report(first_mark(points))
    return plan.samples if first is None else plan.samples_at(first)


def _good(group: Group, tolerance: float) -> int:
    scale = Scale(group)
    return sum(scale.regret([run.key]) <= tolerance + 1e-12 for run in group.runs)
