"""What a story tells of its search trials at their first rung: scores, finals, who waits."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sweeps.cohort import MIN_MEMBERS, batches
from sweeps.drops import Panel, panel
from sweeps.journal import Story
from sweeps.lifecycle import TrialState
from sweeps.metric import cost, final, value_at
from sweeps.pruners.configs import EarlyDynamics
from sweeps.pruners.early_dynamics.kernel import varying
from sweeps.pruners.early_dynamics.looks import reordered
from sweeps.pruners.early_dynamics.meeting import better_part, joined, meetings
from sweeps.pruners.early_dynamics.prior import SIGNALS
from sweeps.pruners.early_dynamics.rung import every_of, looks_of
from sweeps.pruners.early_dynamics.scores import MISSING, Floats, normal_scores
from sweeps.pruners.early_dynamics.sightings import Costs, Seek, Sight, Sightings
from sweeps.spec import SweepSpec
from sweeps.trial import Role, TrialRecord

# Which detail of a verdict says that the trial was brought on, and to where.
MEETS = "meets"
# In the name of a parameter that changes what the training loss means, and not the metric.
_CHANGE_THE_LOSS = ("dropout", "label_smoothing", "neftune")


class Row(NamedTuple):
    """A search trial: the point at which it is compared, its first rung or where it met others
    (None: not there yet), what was seen there, the cost of its final (None: not finished; infinite:
    finished without a finite one, or beyond `max_drop`), and where trials of other first rungs meet
    it (None: nowhere)."""

    record: TrialRecord
    point: int | None
    costs: Costs
    final: float | None
    meets: int | None = None

    @property
    def number(self) -> int:
        """The trial's number."""
        return self.record.trial.number

    @property
    def audited(self) -> bool:
        """True for a condemned trial that runs on."""
        return any(verdict.audit for verdict in self.record.verdicts.values())

    @property
    def brought(self) -> bool:
        """True for a trial that was sent from its first rung to where it meets others, and not to
        its end."""
        told = (verdict.evidence.details for verdict in self.record.verdicts.values())
        return not self.audited and any(MEETS in details for details in told)

    @property
    def comes(self) -> bool:
        """True for a trial that is on its way from its first rung to where it meets others."""
        short = self.point is not None and self.meets is not None and self.point < self.meets
        return self.runs and short and self.brought

    @property
    def ended(self) -> bool:
        """True for a trial that goes nowhere any more."""
        return not self.runs and self.record.state != TrialState.PAUSED

    @property
    def runs(self) -> bool:
        """True while the trial has, or waits for, an attempt."""
        return self.record.state in (TrialState.RUNNING, TrialState.PENDING)


@dataclass(frozen=True)
class Table:
    """All search trials by number. `signals` are those that enough trials have, in the order of
    the prior; `watch` is the metric looked at along the way, None without one, and more of it is
    better when `higher`. `looks`: the points at which those that run on are looked at again.
    `behind`: rows of parked trials that go on to where they meet others, the best first."""

    rows: list[Row]
    signals: list[str]
    watch: str | None
    higher: bool
    scores: Floats
    looks: list[int] = field(default_factory=list)
    behind: list[int] = field(default_factory=list)

    @cached_property
    def parked(self) -> list[int]:
        """Rows of trials that wait at a pause."""
        return [i for i, r in enumerate(self.rows) if r.record.state == TrialState.PAUSED]

    @cached_property
    def ahead(self) -> list[int]:
        """Rows of trials that run on past where they are compared, audits left out."""
        return [
            i
            for i, r in enumerate(self.rows)
            if r.runs and r.point is not None and not r.audited and not r.comes
        ]

    @cached_property
    def there(self) -> NDArray[np.int64]:
        """Rows of trials that came to their first rung."""
        return np.array([i for i, r in enumerate(self.rows) if r.point is not None], dtype=np.int64)

    @cached_property
    def went_on(self) -> list[int]:
        """Rows of trials that run past the rung or came to their end."""
        return [i for i in sorted({*self.ahead, *self.finished}) if self.rows[i].point is not None]

    @cached_property
    def finished(self) -> list[int]:
        """Rows of trials that came to their end."""
        return [i for i, r in enumerate(self.rows) if r.final is not None]


def table(
    spec: SweepSpec, story: Story, config: EarlyDynamics, known: Sightings | None = None
) -> Table:
    """The table of a story. A signal that fewer than MIN_MEMBERS trials have is left out. `known`
    saves work where the same sweep is asked about again and again."""
    records = _search(story)
    sights = (known or Sightings(spec)).of(story, records)
    watch, higher = _watched(spec, config, sights)
    names: list[str] = [name for name in SIGNALS if name in config.signals]
    if watch == "loss" and "metric" in names:
        names = [name for name in names if name != "loss"]

    seek, limits = (tuple(names), watch, higher), panel(spec, story.trials.values())
    seen_first = [{} if s.point is None else s.costs(s.point, seek) for s in sights]
    columns = {n: np.array([costs.get(n, math.nan) for costs in seen_first]) for n in names}
    used, looks = _used(spec, records, columns)
    meets = _meetings(spec, sights, used, watch)
    rows = [
        _row(record, sight, at, seek, _final(spec, record, limits))
        for record, sight, at in zip(records, sights, meets, strict=True)
    ]
    scores = np.zeros((len(rows), len(used)))
    keys = [sight.key for sight in sights]
    fields = list(_fields(keys, sights))
    seen = [[(i, s.costs(at, seek)) for i, s in enumerate(sights) if at in s.looks] for at in looks]
    for column, name in enumerate(used):
        if name == "grad_norm":
            fields = list(_fields([(s.key, batches(s.trial.params)) for s in sights], sights))
        for point, here, passed in fields:
            others = [sights[i].costs(point, seek)[name] for i in passed]
            _score(scores, column, here, np.append(columns[name][here], others))
    behind = _behind(rows, sights, scores[:, 0]) if used else []
    for column, name in enumerate(used):
        # Norms of trials of different batches are never ranked together.
        for here in _gathered(rows, sights) if name != "grad_norm" else ():
            firsts = np.array([sights[i].first for i in here])
            there = [_there(rows[i], name) for i in here]
            scores[here, column] = joined(scores[here, column], firsts, np.array(there))
        for look in seen:
            then = np.full(len(rows), math.nan)
            then[[index for index, _ in look]] = [costs[name] for _, costs in look]
            scores[:, column] = reordered(scores[:, column], keys, then)
    return Table(rows, used, watch, higher, scores, looks, behind)


def _used(
    spec: SweepSpec, records: list[TrialRecord], columns: dict[str, Floats]
) -> tuple[list[str], list[int]]:
    """Which signals are looked at, and the points of the later looks."""
    used = [name for name, costs in columns.items() if np.isfinite(costs).sum() >= MIN_MEMBERS]
    if "metric" not in used:
        return used, []
    # Beside a metric the norm adds noise and no knowledge, and so does a loss that is not the same
    # for all. Where more than one parameter varies, later looks gained nothing. docs/pruning.md.
    names = varying([record.trial.params for record in records])
    same = not any(word in name for name in names for word in _CHANGE_THE_LOSS)
    used = [name for name in used if name == "metric" or (name == "loss" and same)]
    return used, looks_of(spec) if len(names) == 1 else []


def _meetings(
    spec: SweepSpec, sights: list[Sight], used: list[str], watch: str | None
) -> list[int | None]:
    """Where each trial meets others, at a point at which what is looked at is known of all."""
    if not set(used) - {"grad_norm"}:
        return [None] * len(sights)
    every = every_of(spec, watch if "metric" in used else None)
    return meetings(sights, spec.spec.report.points, every)


def _row(
    record: TrialRecord, sight: Sight, meets: int | None, seek: Seek, final: float | None
) -> Row:
    point = meets if meets is not None and sight.came_to(meets) else sight.point
    return Row(record, point, {} if point is None else sight.costs(point, seek), final, meets)


def _there(row: Row, name: str) -> float:
    """What the trial showed where it meets others, NaN for one that is not there."""
    return row.costs.get(name, math.nan) if row.point == row.meets else math.nan


def _gathered(rows: list[Row], sights: list[Sight]) -> list[list[int]]:
    """Those at their first rung or past it who meet at one point, for each such point."""
    found: dict[Hashable, list[int]] = {}
    for index, (row, sight) in enumerate(zip(rows, sights, strict=True)):
        if row.meets is not None and row.point is not None:
            found.setdefault((sight.key, row.meets), []).append(index)
    return list(found.values())


def _behind(rows: list[Row], sights: list[Sight], scores: Floats) -> list[int]:
    """Parked at their first rung, among the better of it, and not where they meet others."""
    fields: dict[Hashable, list[int]] = {}
    for index, (row, sight) in enumerate(zip(rows, sights, strict=True)):
        if row.meets is None or row.point is None or sight.first == row.meets:
            continue
        # For one that ended on the way the next of its field comes.
        if row.point == row.meets or not row.ended:
            fields.setdefault((sight.key, sight.first), []).append(index)
    chosen = [index for members in fields.values() for index in better_part(scores, members)]
    return [
        i
        for i in sorted(chosen, key=lambda i: (-scores[i], i))
        if rows[i].point != rows[i].meets and rows[i].record.state == TrialState.PAUSED
    ]


def _search(story: Story) -> list[TrialRecord]:
    return [r for _, r in sorted(story.trials.items()) if r.trial.role is Role.SEARCH]


def _watched(
    spec: SweepSpec, config: EarlyDynamics, sights: list[Sight]
) -> tuple[str | None, bool]:
    """The metric to look at along the way, and whether more of it is better."""
    metric = spec.spec.metric
    asked = (config.watch.name, config.watch.goal) if config.watch else (metric.name, metric.goal)
    seen = [sight.reports[sight.point] for sight in sights if sight.point is not None]
    for name, goal in (asked, ("eval_loss", "minimize")):
        if any(value_at(report, name) is not None for report in seen):
            return name, goal == "maximize"
    return None, False


def _final(spec: SweepSpec, record: TrialRecord, limits: Panel) -> float | None:
    if record.state != TrialState.DONE:
        return None
    value = final(record, spec.spec.metric, spec.spec.report.points)
    never = value is None or limits.breaks(record)
    return math.inf if value is None or never else cost(value, spec.spec.metric)


def _fields(
    keys: Sequence[Hashable], sights: list[Sight]
) -> Iterator[tuple[int, list[int], list[int]]]:
    """Who is ranked together, at which point: trials of equal key with the same rung, and those
    whose rung came earlier and that reported that point too."""
    fields: dict[Hashable, dict[int, list[int]]] = {}
    for index, sight in enumerate(sights):
        if sight.point is not None:
            fields.setdefault(keys[index], {}).setdefault(sight.point, []).append(index)
    for points in fields.values():
        for point, here in sorted(points.items()):
            earlier = [i for first, some in points.items() if first < point for i in some]
            passed = [
                i
                for i in earlier
                if point in sights[i].reports and sights[i].plan.past_warmup(point)
            ]
            yield point, here, passed


def _score(scores: Floats, column: int, here: list[int], costs: Floats) -> None:
    """Fill in the scores of one signal of one field; `costs` begins with those of `here`."""
    if np.isnan(costs).all() or len(costs) < 2:
        return
    found = normal_scores(costs)[: len(here)]
    scores[here, column] = np.where(np.isnan(found), MISSING, found)
