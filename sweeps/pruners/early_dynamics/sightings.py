"""What each trial's own reports show, worked out once for a trial that has not reported since."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import lru_cache

from sweeps.cohort import key_of
from sweeps.journal import Prepared, Story
from sweeps.phases import stages_in
from sweeps.points import RunPlan, Stage, run_plan
from sweeps.pruners.base import horizon_of
from sweeps.pruners.early_dynamics.kernel import configuration
from sweeps.pruners.early_dynamics.rung import looks_of, mark_of, rung_point, signal_costs
from sweeps.spec import SweepSpec
from sweeps.trial import Params, ParamValue, TrialRecord

# Parameters that the plan of a run depends on.
_PLANNED = ("global_batch_size", "warmup_steps", "warmup_ratio", "strategy")

Costs = dict[str, float]
# What is looked for: the signals, the metric along the way, and whether more of that is better.
Seek = tuple[tuple[str, ...], str | None, bool]


class Sight:
    """One trial by itself. `point` is its first rung (None: not there yet), `first` where that is
    or will be (None: nowhere), `key` its cohort's, `name` the same for equal configurations,
    `looks` the later looks at which it reported past its rung."""

    def __init__(
        self, record: TrialRecord, plan: RunPlan, key: Hashable, mark: int, looks: Sequence[int]
    ) -> None:
        self.trial, self.reports = record.trial, dict(record.reports)
        self.plan, self.key = plan, key
        self.point = rung_point(self.reports, plan, mark)
        self.first = plan.first_report(mark) if self.point is None else self.point
        self.name = repr(sorted(configuration(record.trial.params).items()))
        self.looks = [look for look in looks if self.came_to(look)]
        self._meets: dict[int, bool] = {}
        self._costs: dict[tuple[int, Seek], Costs] = {}

    def shows(self, record: TrialRecord) -> bool:
        """True when the record tells nothing else of the trial than this was made of."""
        return self.trial == record.trial and self.reports == record.reports

    def came_to(self, point: int) -> bool:
        """True when it reported `point`, unharmed, at or past its first rung."""
        report = self.reports.get(point)
        past = self.point is not None and self.point <= point
        return past and report is not None and report.guard is None

    def may_meet(self, point: int) -> bool:
        """True when it reports `point`, or will, past the warmup of its phase."""
        found = self._meets.get(point)
        if found is None:
            found = self._meets[point] = self.plan.first_report(point) == point
        return found

    def costs(self, point: int, seek: Seek) -> Costs:
        """`signal_costs` by signal of the report at `point`, which must be there."""
        found = self._costs.get((point, seek))
        if found is None:
            names, watch, higher = seek
            report = self.reports[point]
            found = {name: signal_costs(report, name, watch, higher) for name in names}
            self._costs[point, seek] = found
        return found


class Sightings:
    """The sights of a sweep's trials. Of what it remembers no answer depends: a sight is used again
    for an equal trial with equal reports, and made anew for any other."""

    def __init__(self, spec: SweepSpec) -> None:
        self._spec, self._mark, self._looks = spec, mark_of(spec), looks_of(spec)
        self._known: dict[int, Sight] = {}
        self._prepared: Prepared | None = None

    def of(self, story: Story, records: Sequence[TrialRecord]) -> list[Sight]:
        """The sights of these trials of the story, in their order."""
        if story.prepared != self._prepared:
            self._known, self._prepared = {}, story.prepared
        return [self._of(story, record) for record in records]

    def _of(self, story: Story, record: TrialRecord) -> Sight:
        known = self._known.get(record.trial.number)
        if known is None or not known.shows(record):
            plan = plan_of(self._spec, story, record.trial.params)
            key = key_of(self._spec, story, record.trial)
            known = Sight(record, plan, key, self._mark, self._looks)
            self._known[record.trial.number] = known
        return known


def plan_of(spec: SweepSpec, story: Story, params: Params) -> RunPlan:
    """The run of one configuration; equal ones are planned once."""
    stages = stages_in(spec, story)
    planned = tuple((name, params[name]) for name in _PLANNED if name in params)
    if stages:
        planned += tuple(pair for pair in params.items() if pair[0].startswith("phase"))
    return _plan(planned, horizon_of(spec, story), spec.spec.report.points, stages)


@lru_cache(maxsize=4096)
def _plan(
    planned: tuple[tuple[str, ParamValue], ...],
    horizon: int,
    points: int,
    stages: tuple[Stage, ...],
) -> RunPlan:
    return run_plan(dict(planned), horizon, points, stages)
