"""Promotion: of the trials that reach a rung the best go on, the others are parked, not stopped.

A parked trial is brought back when it comes to be among the best that got there: because worse ones
followed, or because a better one broke. What `halving` and `recipe` have in common.
"""

from __future__ import annotations

import dataclasses
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from sweeps.drops import panel
from sweeps.journal import Story
from sweeps.lifecycle import AttemptEnd, StopReason, TrialState
from sweeps.metric import final
from sweeps.pruners.base import run_of
from sweeps.pruners.peers import nearest
from sweeps.spec import SweepSpec
from sweeps.trial import GO_ON, Action, Evidence, Report, Role, Trial, TrialRecord, Verdict

_Places = Callable[[int], int]


@dataclass(frozen=True)
class Entrant:
    """A trial at a rung. Less `score` is better; with an infinite one a trial never goes on.

    `value` stands for the score in evidence, `said` in the sentence; `facts` is what lies behind.
    """

    record: TrialRecord
    score: float
    value: float
    said: str
    facts: dict[str, float | None] = field(default_factory=dict)

    @property
    def number(self) -> int:
        """The trial's number."""
        return self.record.trial.number


@dataclass(frozen=True)
class Rung:
    """All that reached one decision point of one group, by number. `broken`: whose place is free.

    `bar` is the last entrant that goes on, None when nobody does.
    """

    point: int
    entrants: list[Entrant]
    places: int
    broken: frozenset[int]

    @cached_property
    def bar(self) -> Entrant | None:
        """The last of the best `places` that did not break; ties with it go on too."""
        fit = [e for e in self.entrants if e.number not in self.broken and math.isfinite(e.score)]
        fit = sorted(fit, key=lambda e: (e.score, e.number))[: self.places]
        return fit[-1] if fit else None

    def passes(self, entrant: Entrant) -> bool:
        """True for the best `places` that did not break, and for those equal to the last."""
        return self.bar is not None and entrant.score <= self.bar.score

    def parked(self) -> list[Entrant]:
        """The entrants that wait here and may go on some time, best first."""
        here = [e for e in self.entrants if _waits_at(e.record) == self.point]
        fit = [e for e in here if math.isfinite(e.score)]
        return sorted(fit, key=lambda e: (e.score, e.number))


class Promotion(ABC):
    """A pruner with rungs. A subclass says who competes, on what, and for how many places.

    Rung marks are decision points. A trial's own rung is the first point at or after the mark at
    which it reported what is compared, past its warmup: a large batch may skip points, and not
    every point is evaluated. Compared are only trials whose rung is at the same point. When that
    point lies beyond the next mark too, the two rungs are one.
    """

    signal: str
    reason: str

    def __init__(self, spec: SweepSpec, marks: Sequence[int]) -> None:
        self._spec, self._marks = spec, marks

    @abstractmethod
    def group(self, story: Story, trial: Trial) -> Hashable:
        """Equal for trials that may be compared."""

    @abstractmethod
    def measured(self, report: Report) -> bool:
        """False when a signal is missing: then this point is no rung, and gives no verdict."""

    @abstractmethod
    def places(self, entrants: int) -> int:
        """How many of so many go on."""

    @abstractmethod
    def scored(self, records: list[TrialRecord], point: int) -> list[Entrant]:
        """The records as entrants of the rung at `point`, in the same order."""

    def enough(self, story: Story, members: list[TrialRecord], point: int) -> bool:
        """False when the group is too small to judge its rung at `point`."""
        return True

    def judge(self, story: Story, number: int, report: Report) -> Verdict:
        """At a rung: on when among the best so far, else parked. Elsewhere: on."""
        before = story.trials[number]
        mine = dataclasses.replace(before, reports={**before.reports, report.point: report})
        if not self._enters(story, mine, report.point):
            return GO_ON
        others = self._members(story, self.group(story, mine.trial))
        members = [mine if record is before else record for record in others]
        if not self.enough(story, members, report.point):
            return GO_ON
        rung = self._rung(story, members, report.point, self.places)
        entrant = next(e for e in rung.entrants if e.number == number)
        if rung.passes(entrant):
            return self._verdict(Action.CONTINUE, rung, entrant, "It goes on.")
        return self._verdict(Action.PAUSE, rung, entrant, "It is parked.")

    def revive(self, story: Story, last: bool, more: bool) -> tuple[int, Verdict] | None:
        """A parked trial that is now among the best of its rung, the highest rung first, whether
        or not there is `more` to try.

        At the `last` call every rung has at least one place, and a group in which no trial has
        finished in good health sends on the next best of its highest rung.
        """
        rungs = self._occupied(story, (lambda n: max(1, self.places(n))) if last else self.places)
        for rung in rungs:
            for entrant in rung.parked():
                if rung.passes(entrant):
                    said = "It was parked and goes on now."
                    return entrant.number, self._verdict(Action.CONTINUE, rung, entrant, said)
        if not last:
            return None
        for rung in rungs:
            group = self.group(story, rung.entrants[0].record.trial)
            if rung.parked() and not self._finished(story, self._members(story, group)):
                entrant = rung.parked()[0]
                said = "It was parked and goes on now: no better one has come to its end."
                return entrant.number, self._verdict(Action.CONTINUE, rung, entrant, said)
        return None

    def _occupied(self, story: Story, places: _Places) -> list[Rung]:
        """The rungs at which trials wait, the highest first."""
        groups: dict[Hashable, list[TrialRecord]] = {}
        for _, record in sorted(story.trials.items()):
            if record.trial.role is Role.SEARCH:
                groups.setdefault(self.group(story, record.trial), []).append(record)
        found = [
            self._rung(story, members, point, places)
            for members in groups.values()
            for point in {_waits_at(record) for record in members}
            if point is not None
        ]
        full = [rung for rung in found if rung.entrants]
        return sorted(full, key=lambda rung: (-rung.point, rung.entrants[0].number))

    def _members(self, story: Story, group: Hashable) -> list[TrialRecord]:
        return [
            record
            for _, record in sorted(story.trials.items())
            if record.trial.role is Role.SEARCH and self.group(story, record.trial) == group
        ]

    def _rung(self, story: Story, members: list[TrialRecord], point: int, places: _Places) -> Rung:
        entered = [record for record in members if self._enters(story, record, point)]
        broken = frozenset(
            record.trial.number
            for record in entered
            if self._broke_before_the_next(story, record, point)
        )
        return Rung(point, self.scored(entered, point), places(len(entered)), broken)

    def _enters(self, story: Story, record: TrialRecord, point: int) -> bool:
        """True when the report at `point` is the trial's first that counts from some mark on."""
        mark = max((mark for mark in self._marks if mark <= point), default=None)
        if mark is None or point >= self._spec.spec.report.points or point not in record.reports:
            return False
        run = run_of(self._spec, story, record.trial.params)
        counting = (
            k
            for k in range(mark, point + 1)
            if (report := record.reports.get(k)) is not None
            and report.guard is None
            and self.measured(report)
            and run.past_warmup(k)
        )
        return next(counting, None) == point

    def _broke_before_the_next(self, story: Story, record: TrialRecord, point: int) -> bool:
        """True when it will never get further than this rung, and not for having been parked."""
        if not self._broke(story, record):
            return False
        return not any(k > point and self._enters(story, record, k) for k in record.reports)

    def _broke(self, story: Story, record: TrialRecord) -> bool:
        match record.state:
            case TrialState.FAILED:
                return True
            case TrialState.STOPPED:
                kept = record.attempts and record.attempts[-1].ended == AttemptEnd.PAUSED
                return not (kept and record.reason == StopReason.PRUNED)
            case TrialState.DONE:
                return not self._sound(story, record)
        return False

    def _finished(self, story: Story, members: list[TrialRecord]) -> bool:
        return any(r.state == TrialState.DONE and self._sound(story, r) for r in members)

    def _sound(self, story: Story, record: TrialRecord) -> bool:
        """False when the metric was taken at the horizon and is not a finite number, or when the
        trial breaks `max_drop`."""
        value = final(record, self._spec.spec.metric, self._spec.spec.report.points)
        if value is not None and not math.isfinite(value):
            return False
        if not self._spec.spec.metric.max_drop:
            return True
        return not panel(self._spec, story.trials.values()).breaks(record)

    def _verdict(self, action: Action, rung: Rung, entrant: Entrant, end: str) -> Verdict:
        report, bar = entrant.record.reports[rung.point], rung.bar
        points, reached = self._spec.spec.report.points, len(rung.entrants)
        message = (
            f"At point {rung.point} of {points} ({report.samples:,} samples) its {entrant.said}. "
            f"{_standing(rung)} {end}"
        )
        others = [e for e in rung.entrants if e.number != entrant.number]
        evidence = Evidence(
            signal=self.signal,
            value=entrant.value,
            cutoff=bar.value if bar else None,
            peers=nearest(((e.number, e.score) for e in others), entrant.score),
            details={
                "point": rung.point,
                "samples": report.samples,
                "peers": len(others),
                "reached": reached,
                "places": rung.places,
                "broken": len(rung.broken),
                **entrant.facts,
            },
        )
        return Verdict(action=action, reason=self.reason, message=message, evidence=evidence)


def _waits_at(record: TrialRecord) -> int | None:
    """The decision point at which a trial is parked, None when it is not."""
    if record.state != TrialState.PAUSED or record.last_report is None:
        return None
    return record.last_report.point


def _standing(rung: Rung) -> str:
    reached = len(rung.entrants)
    trials = f"{reached} trial" + ("" if reached == 1 else "s")
    if not rung.places:
        return f"So far {trials} got here, too few for one to go on."
    lost = f", not counting {len(rung.broken)} that broke" if rung.broken else ""
    if rung.bar is None:
        return f"Of {trials} that got here{lost}, none is fit to go on."
    return (
        f"Of {trials} that got here the best {rung.places}{lost} go on, "
        f"the last of them at {rung.bar.value:.4g}."
    )
