"""The metric of a sweep, read from reports: at a point, best so far, and at the end."""

from __future__ import annotations

import math

from sweeps.spec import Metric, SweepSpec
from sweeps.trial import Report, TrialRecord

# What metrics on held-out sets begin with: those looked at along the way, and those at the end.
DEV, UNSEEN = "eval_", "unseen_"


def value_at(report: Report, name: str) -> float | None:
    """The metric in one report, None where it was not measured. May be NaN or infinite.

    `loss` and `grad_norm` are those of the window when the evaluation has none of that name.
    """
    if name in report.metrics:
        return report.metrics[name]
    signal = {"loss": report.window.loss, "grad_norm": report.window.grad_norm}.get(name)
    return None if signal is None else signal.value


def cost(value: float, metric: Metric) -> float:
    """`value` turned so that less is better. What is not finite costs infinitely much."""
    if not math.isfinite(value):
        return math.inf
    return value if metric.goal == "minimize" else -value


def best_so_far(record: TrialRecord, metric: Metric, point: int | None = None) -> float | None:
    """The best value up to `point` (None: all), NaN when it was measured and never finite.

    None when it was never measured.
    """
    reports = [report for k, report in record.reports.items() if point is None or k <= point]
    return best([value_at(report, metric.name) for report in reports], metric)


def best(values: list[float | None], metric: Metric) -> float | None:
    """The best of some measurements; absent ones do not count, NaN is the worst."""
    found = [value for value in values if value is not None]
    if not found:
        return None
    least = min(found, key=lambda value: cost(value, metric))
    return least if math.isfinite(least) else math.nan


def final(record: TrialRecord, metric: Metric, points: int) -> float | None:
    """The metric at the horizon: that of the last decision point, None when it is not there."""
    report = record.reports.get(points)
    return None if report is None else value_at(report, metric.name)


def unseen_half(spec: SweepSpec, name: str) -> str:
    """The same metric on the unseen set of the same name, or `name` itself where there is none:
    `eval_skill_loss` -> `unseen_skill_loss`."""
    data = spec.spec.workload.data
    if data is None or data.unseen is None or not name.startswith(DEV):
        return name
    rest = name.removeprefix(DEV)
    if any(rest.startswith(f"{task}_") for task in spec.spec.evaluation.tasks):
        return name  # a task has no halves
    if not isinstance(data.unseen, dict):
        return name if isinstance(data.eval, dict) else UNSEEN + rest
    labels = {*data.unseen, *(data.eval if isinstance(data.eval, dict) else ())}
    fitting = [label for label in labels if rest.startswith(f"{label}_")]
    # Of `kept` and `kept_long` the longer one: names may begin alike.
    return UNSEEN + rest if max(fitting, key=len, default="") in data.unseen else name


def ranked_by(spec: SweepSpec) -> Metric:
    """What finished trials are ranked by: the metric's unseen half, where it has one."""
    metric = spec.spec.metric
    return metric.model_copy(update={"name": unseen_half(spec, metric.name)})
