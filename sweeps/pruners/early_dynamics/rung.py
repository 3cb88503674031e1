"""The first rung: where in its run a trial is first looked at, and what is seen there."""

from __future__ import annotations

import math
from collections.abc import Mapping

from sweeps.metric import value_at
from sweeps.points import RunPlan
from sweeps.spec import SweepSpec
from sweeps.trial import Report

# Where in the run the first rung lies; and the latest share at which a metric is waited for.
_AT, _WAIT = 0.05, 0.25
# Where a trial that runs on past its first rung is looked at again.
_AGAIN = (0.1, 0.2, 0.4)


def first_mark(points: int, every: int = 1) -> int:
    """The decision point of the first rung: round(5 % of `points`), at least 1.

    When the metric is taken at every `every`-th point only, the first of these from there on, if it
    comes within a quarter of the run; else the metric is done without.
    """
    mark = max(1, round(_AT * points))
    measured = -(-mark // every) * every
    return measured if measured <= _WAIT * points else mark


def every_of(spec: SweepSpec, metric: str | None) -> int:
    """At every which decision point the metric is known: window signals, or none, at every one."""
    return 1 if metric in (None, "loss", "grad_norm") else spec.spec.evaluation.every_points


def mark_of(spec: SweepSpec) -> int:
    """`first_mark` of a sweep."""
    return first_mark(spec.spec.report.points, every_of(spec, spec.spec.metric.name))


def looks_of(spec: SweepSpec) -> list[int]:
    """The decision points of the later looks, 10, 20 and 40 % of the run, each at the first point
    from there on at which the metric is taken; none at the first rung or at the end."""
    points, every = spec.spec.report.points, spec.spec.evaluation.every_points
    found = {-(-max(1, round(share * points)) // every) * every for share in _AGAIN}
    return sorted(point for point in found if mark_of(spec) < point < points)


def rung_point(reports: Mapping[int, Report], run: RunPlan, mark: int) -> int | None:
    """The first report at or after the mark, past warmup and before the end; None without one. A
    report that a guard made does not count."""
    counting = (
        point
        for point in sorted(reports)
        if mark <= point < run.points and reports[point].guard is None and run.past_warmup(point)
    )
    return next(counting, None)


def signal_costs(report: Report, signal: str, watch: str | None, higher: bool) -> float:
    """One signal of a report, turned so that less is better by common sense; NaN when missing,
    infinite when measured and not finite.

    `metric` is `watch`, of which more is better when `higher`. `grad_norm` is the window's median.
    """
    window, value = report.window, None
    if signal == "metric" and watch is not None:
        value = value_at(report, watch)
        value = -value if value is not None and higher else value
    elif signal == "loss" and window.loss is not None:
        value = window.loss.value
    elif signal == "grad_norm" and window.grad_norm is not None:
        value = window.grad_norm.value
    if value is None or (math.isnan(value) and signal != "metric"):
        return math.nan
    return value if math.isfinite(value) else math.inf
