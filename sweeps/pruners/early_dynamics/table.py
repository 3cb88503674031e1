"""What a story tells of its search trials at their first rung: scores, finals, who waits."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import numpy as np

from sweeps.cohort import MIN_MEMBERS, key_of
from sweeps.journal import Story
from sweeps.lifecycle import TrialState
from sweeps.metric import cost, final, value_at
from sweeps.points import RunPlan, run_plan
from sweeps.pruners.base import horizon_of
from sweeps.pruners.configs import EarlyDynamics
from sweeps.pruners.early_dynamics.kernel import coordinates
from sweeps.pruners.early_dynamics.looks import reordered
from sweeps.pruners.early_dynamics.prior import SIGNALS
from sweeps.pruners.early_dynamics.rung import looks_of, mark_of, rung_point, signal_costs
from sweeps.pruners.early_dynamics.scores import MISSING, Floats, normal_scores
from sweeps.spec import SweepSpec
from sweeps.trial import Params, ParamValue, Report, Role, TrialRecord

# Parameters that the plan of a run depends on.
_PLANNED = ("global_batch_size", "warmup_steps", "warmup_ratio")
_Costs = dict[str, float]


@dataclass(frozen=True)
class Row:
    """A search trial: the point of its first rung (None: not there yet), what was seen there, and
    the cost of its final (None: not finished; infinite: finished without a finite one)."""

    record: TrialRecord
    point: int | None
    costs: _Costs
    final: float | None

    @property
    def number(self) -> int:
        """The trial's number."""
        return self.record.trial.number

    @property
    def audited(self) -> bool:
        """True for a condemned trial that runs on."""
        return any(verdict.audit for verdict in self.record.verdicts.values())

    @property
    def runs(self) -> bool:
        """True while the trial has, or waits for, an attempt."""
        return self.record.state in (TrialState.RUNNING, TrialState.PENDING)


@dataclass(frozen=True)
class Table:
    """All search trials by number. `signals` are those that enough trials have, in the order of
    the prior; `watch` is the metric looked at along the way, None without one, and more of it is
    better when `higher`. `looks`: the points at which those that run on are looked at again."""

    rows: list[Row]
    signals: list[str]
    watch: str | None
    higher: bool
    scores: Floats
    looks: list[int] = field(default_factory=list)

    @cached_property
    def parked(self) -> list[int]:
        """Rows of trials that wait at a pause."""
        return [i for i, r in enumerate(self.rows) if r.record.state == TrialState.PAUSED]

    @cached_property
    def ahead(self) -> list[int]:
        """Rows of trials that run on past the rung, audits left out."""
        return [
            i for i, r in enumerate(self.rows) if r.runs and r.point is not None and not r.audited
        ]

    @cached_property
    def finished(self) -> list[int]:
        """Rows of trials that came to their end."""
        return [i for i, r in enumerate(self.rows) if r.final is not None]


def table(spec: SweepSpec, story: Story, config: EarlyDynamics) -> Table:
    """The table of a story. A signal that fewer than MIN_MEMBERS trials have is left out."""
    mark, records = mark_of(spec), _search(story)
    plans = [plan_of(spec, story, record.trial.params) for record in records]
    points = [
        rung_point(record.reports, plan, mark) for record, plan in zip(records, plans, strict=True)
    ]
    seen = [
        record.reports[point]
        for record, point in zip(records, points, strict=True)
        if point is not None
    ]
    watch, higher = _watched(spec, config, seen)
    names: list[str] = [name for name in SIGNALS if name in config.signals]
    if watch == "loss" and "metric" in names:
        names = [name for name in names if name != "loss"]

    rows = []
    for record, point in zip(records, points, strict=True):
        costs = {} if point is None else _costs(record.reports[point], names, watch, higher)
        rows.append(Row(record, point, costs, _final(spec, record)))
    counts = {name: sum(math.isfinite(r.costs.get(name, math.nan)) for r in rows) for name in names}
    used = [name for name in names if counts[name] >= MIN_MEMBERS]
    if "metric" in used:
        # Beside a metric the norm adds noise and no knowledge: docs/pruning.md has the figures.
        used = [name for name in used if name != "grad_norm"]
    scores = np.zeros((len(rows), len(used)))
    keys: list[Hashable] = [key_of(story, row.record.trial) for row in rows]
    fields = list(_fields(keys, rows, plans))
    looks = looks_of(spec) if "metric" in used and _of_one_parameter(rows) else []
    for column, name in enumerate(used):
        if name == "grad_norm":
            batches = [_batch(row) for row in rows]
            fields = list(_fields(list(zip(keys, batches, strict=True)), rows, plans))
        for here, passed in fields:
            others = [_costs(r.record.reports[p], [name], watch, higher)[name] for r, p in passed]
            _score(scores, column, name, [rows[i] for i in here], here, others)
        for look in looks:
            costs_then = [_at(look, row, name, watch, higher) for row in rows]
            scores[:, column] = reordered(scores[:, column], keys, np.array(costs_then))
    return Table(rows, used, watch, higher, scores, looks)


def plan_of(spec: SweepSpec, story: Story, params: Params) -> RunPlan:
    """The run of one configuration; equal ones are planned once."""
    planned = tuple((name, params[name]) for name in _PLANNED if name in params)
    return _plan(planned, horizon_of(spec, story), spec.spec.report.points)


@lru_cache(maxsize=4096)
def _plan(planned: tuple[tuple[str, ParamValue], ...], horizon: int, points: int) -> RunPlan:
    return run_plan(dict(planned), horizon, points)


def _search(story: Story) -> list[TrialRecord]:
    return [r for _, r in sorted(story.trials.items()) if r.trial.role is Role.SEARCH]


def _watched(spec: SweepSpec, config: EarlyDynamics, seen: list[Report]) -> tuple[str | None, bool]:
    """The metric to look at along the way, and whether more of it is better."""
    metric = spec.spec.metric
    asked = (config.watch.name, config.watch.goal) if config.watch else (metric.name, metric.goal)
    for name, goal in (asked, ("eval_loss", "minimize")):
        if any(value_at(report, name) is not None for report in seen):
            return name, goal == "maximize"
    return None, False


def _costs(report: Report, names: list[str], watch: str | None, higher: bool) -> _Costs:
    return {name: signal_costs(report, name, watch, higher) for name in names}


def _of_one_parameter(rows: list[Row]) -> bool:
    """Where more than one varies, later looks gained nothing: docs/pruning.md has the figures."""
    return len(coordinates([row.record.trial.params for row in rows])) == 1


def _at(look: int, row: Row, name: str, watch: str | None, higher: bool) -> float:
    """The cost of a signal at a later look; NaN for a trial that was not there past its rung."""
    report = row.record.reports.get(look)
    if row.point is None or row.point > look or report is None or report.guard is not None:
        return math.nan
    return signal_costs(report, name, watch, higher)


def _final(spec: SweepSpec, record: TrialRecord) -> float | None:
    if record.state != TrialState.DONE:
        return None
    value = final(record, spec.spec.metric, spec.spec.report.points)
    return math.inf if value is None else cost(value, spec.spec.metric)


def _fields(
    keys: Sequence[Hashable], rows: list[Row], plans: list[RunPlan]
) -> Iterator[tuple[list[int], list[tuple[Row, int]]]]:
    """Who is ranked together: trials of equal key with the same rung, and with them those whose
    rung came earlier and that reported that point too."""
    fields: dict[Hashable, dict[int, list[int]]] = {}
    for index, row in enumerate(rows):
        if row.point is not None:
            fields.setdefault(keys[index], {}).setdefault(row.point, []).append(index)
    for points in fields.values():
        for point, here in sorted(points.items()):
            earlier = [i for first, some in points.items() if first < point for i in some]
            passed = [
                (rows[i], point)
                for i in earlier
                if point in rows[i].record.reports and plans[i].past_warmup(point)
            ]
            yield here, passed


def _batch(row: Row) -> Hashable:
    """Gradient norms are ranked within one global batch: a larger one lowers them by itself.

    Not so the norm without noise, but that of the recipe `sft` is not good enough yet
    (docs/own-curves.md: its measured part are the longest examples).
    """
    return row.record.trial.params.get("global_batch_size")


def _score(
    scores: Floats, column: int, name: str, field: list[Row], here: list[int], others: list[float]
) -> None:
    """Fill in the scores of one signal of one field."""
    costs = np.array([row.costs[name] for row in field] + others)
    if np.isnan(costs).all() or len(costs) < 2:
        return
    found = normal_scores(costs)[: len(here)]
    scores[here, column] = np.where(np.isnan(found), MISSING, found)
