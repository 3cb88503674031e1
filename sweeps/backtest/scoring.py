"""What one sweep of a policy came to: compute, regret, and whether the best was kept."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from sweeps.lifecycle import TrialState
from sweeps.result import samples_run
from sweeps.simulator.recorded import Group, key_of
from sweeps.simulator.simulate import Driven
from sweeps.trial import Params, TrialRecord

Key = tuple[str, int | None]
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Outcome:
    """One sweep over one group in one order of its trials.

    `compute` is samples run (audits included) / those of running every trial to its end, which is
    trials x horizon but for runs that reached their target before: such a run is whole where it was
    recorded to end. `audit_compute` is the part that audits ran, `compute_of_horizon` samples run /
    (trials x horizon) whatever was recorded. A run that breaks counts as whole to its recorded end,
    so what a guard spares is saved. `regret` is that of the best finished trial, 1 when
    none finished. `best_kept`: it is the best of all; `kept_within_tolerance`: its regret is at
    most the tolerance. `time_to_result` is the time until the sweep was over, as a share of what
    running every trial to its end takes in as many slots. `finished` counts trials.
    """

    group: str
    workload: str
    order: int
    trials: int
    finished: int
    compute: float
    compute_of_horizon: float
    audit_compute: float
    regret: float
    best_kept: bool
    kept_within_tolerance: bool
    time_to_result: float
    random_regret: float
    random_kept: float


class Scale:
    """The finals of a group as regrets: 0 for the best, 1 for the median of the finite ones and all
    that is worse.

    A final that is absent or not finite is the worst. Where best and median are equal, the best
    have 0 and all others 1.
    """

    def __init__(self, group: Group) -> None:
        sign = -1.0 if group.higher_is_better else 1.0
        self._costs: dict[Key, float] = {
            run.key: sign * run.final
            if run.final is not None and math.isfinite(run.final)
            else math.inf
            for run in group.runs
        }
        finite = [cost for cost in self._costs.values() if math.isfinite(cost)]
        self._best = min(finite, default=math.inf)
        self._width = median(finite) - self._best if finite else 0.0
        self._regrets = sorted(self.regret([key]) for key in self._costs)

    def regret(self, finished: Iterable[Key]) -> float:
        """Of the best of these; 1 when there is none with a finite final."""
        least = min((self._costs[key] for key in finished), default=math.inf)
        if not math.isfinite(least):
            return 1.0
        if least <= self._best:
            return 0.0
        return min(1.0, (least - self._best) / self._width) if self._width > 0 else 1.0

    def by_chance(self, share: float, tolerance: float) -> tuple[float, float]:
        """Expected regret, and the probability of one within `tolerance`, when a random `share` of
        the trials is finished; linear between whole numbers of them."""
        trials = len(self._regrets)
        wanted = min(max(share, 0.0), 1.0) * trials
        low = min(math.floor(wanted), trials - 1)
        below, above = (self._drawn(k, tolerance) for k in (low, low + 1))
        part = wanted - low
        return (
            below[0] + part * (above[0] - below[0]),
            below[1] + part * (above[1] - below[1]),
        )

    def _drawn(self, drawn: int, tolerance: float) -> tuple[float, float]:
        """As `by_chance`, of `drawn` trials: in C(n - 1 - i, drawn - 1) of C(n, drawn) cases the
        best of them is the i-th of all."""
        if drawn == 0:
            return 1.0, 0.0
        trials = len(self._regrets)
        cases = math.comb(trials, drawn)
        chances = [math.comb(trials - 1 - i, drawn - 1) / cases for i in range(trials)]
        regret = math.fsum(c * r for c, r in zip(chances, self._regrets, strict=True))
        kept = math.fsum(
            c for c, r in zip(chances, self._regrets, strict=True) if r <= tolerance + _ROUNDING
        )
        return regret, kept


class Full:
    """Running every trial of a group to its end."""

    def __init__(self, group: Group) -> None:
        self._samples = {run.key: run.length(group.horizon) for run in group.runs}
        # Runs of which only the start was recorded take nothing, and nothing is divided by that.
        self.samples = max(1, sum(self._samples.values()))

    def seconds(self, order: Sequence[Params], slots: int) -> int:
        """How long it takes when trials start in this order as slots fall free."""
        free = [0] * slots
        for params in order:
            heapq.heappush(free, heapq.heappop(free) + self._samples[key_of(params)])
        return max(free)


@dataclass(frozen=True)
class Spent:
    """What a sweep took: samples run, those of them that audits ran, and virtual time."""

    samples: int
    audits: int
    seconds: float


@dataclass(frozen=True)
class Ruler:
    """What the sweeps of a group are measured by."""

    group: Group
    scale: Scale
    full: Full
    tolerance: float

    @classmethod
    def of(cls, group: Group, tolerance: float) -> Ruler:
        """The ruler of a group."""
        return cls(group, Scale(group), Full(group), tolerance)

    def measure(self, driven: Driven, order: int, seconds: int) -> Outcome:
        """Score one sweep; `seconds` are those of `Full.seconds` in its order and slots."""
        records = list(driven.story.trials.values())
        spent = Spent(
            samples=sum(samples_run(record) for record in records),
            audits=sum(audit_samples(record) for record in records),
            seconds=driven.seconds,
        )
        return self.score(finished(records), spent, order, seconds)

    def score(self, kept: Sequence[Key], spent: Spent, order: int, seconds: int) -> Outcome:
        """Score a sweep, by whomever it was run, that brought the runs `kept` to their end."""
        regret, compute = self.scale.regret(kept), spent.samples / self.full.samples
        random_regret, random_kept = self.scale.by_chance(compute, self.tolerance)
        return Outcome(
            group=self.group.name,
            workload=self.group.workload,
            order=order,
            trials=len(self.group.runs),
            finished=len(kept),
            compute=compute,
            compute_of_horizon=spent.samples / (len(self.group.runs) * self.group.horizon),
            audit_compute=spent.audits / self.full.samples,
            regret=regret,
            best_kept=regret == 0,
            # The finals are decimals of a file: a tolerance met exactly counts as met.
            kept_within_tolerance=regret <= self.tolerance + _ROUNDING,
            time_to_result=spent.seconds / seconds if seconds else 0.0,
            random_regret=random_regret,
            random_kept=random_kept,
        )


def finished(records: Iterable[TrialRecord]) -> list[Key]:
    """Trials that came to their end and were never condemned to an audit."""
    return [
        key_of(record.trial.params)
        for record in records
        if record.state == TrialState.DONE and _audited_from(record) is None
    ]


def audit_samples(record: TrialRecord) -> int:
    """Samples that a trial ran after it was condemned; 0 for one that never was."""
    first = _audited_from(record)
    return 0 if first is None else samples_run(record) - record.reports[first].samples


def _audited_from(record: TrialRecord) -> int | None:
    return min((point for point, v in record.verdicts.items() if v.audit), default=None)
