"""Halving in step: everybody waits at a rung until all are there, then the best go on.

Successive halving (Jamieson and Talwalkar 2016, arXiv 1502.07943), hyperband (Li et al. 2018, arXiv
1603.06560) and the plain "better half at 10 %". Look at the sweep's metric, at equal points.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from fractions import Fraction

from sweeps.backtest.peers.rungs import at_rung
from sweeps.journal import Story
from sweeps.lifecycle import TRIAL_ENDS, TrialState
from sweeps.metric import cost, value_at
from sweeps.spec import SweepSpec
from sweeps.trial import GO_ON, Action, Evidence, Report, Role, TrialRecord, Verdict

# The budget of hyperband's first rungs is 1/9, 1/3 and 1 of the horizon.
_BRACKETS = 3
_ETA = 3


class Synchronous:
    """Brackets of trials, each with rungs of its own.

    A trial's rung is its first report at or after the mark that has the metric, past its warmup; a
    trial that has none before its end just ends. Of the n that got to a rung, ceil(n / eta) go on.
    """

    reason = "synchronous_halving"

    def __init__(self, spec: SweepSpec, marks: Sequence[Sequence[int]], eta: int) -> None:
        """`marks`: the decision points of the rungs, by bracket. Trials are dealt to brackets by
        their number."""
        self._spec, self._eta, self._marks = spec, eta, marks
        self._metric = spec.spec.metric
        self._bracket = _dealt(len(spec.spec.parameters.paired), len(marks))

    def judge(self, story: Story, number: int, report: Report) -> Verdict:
        """Parked at every rung."""
        before = story.trials[number]
        mine = dataclasses.replace(before, reports={**before.reports, report.point: report})
        for mark in self._marks[self._of(number)]:
            if at_rung(self._spec, story, mine.trial, mine.reports, mark) is report:
                message = f"At point {report.point} it waits for the others of its rung."
                return self._verdict(Action.PAUSE, report, message)
        return GO_ON

    def revive(self, story: Story, last: bool, more: bool) -> tuple[int, Verdict] | None:
        """One that goes on, once all of its bracket have come to its rung or ended."""
        if more:
            return None
        for bracket, marks in enumerate(self._marks):
            members = [r for n, r in sorted(story.trials.items()) if self._of(n) == bracket]
            members = [record for record in members if record.trial.role is Role.SEARCH]
            found = self._next(story, members, marks)
            if found is not None:
                report = found.last_report
                message = "It is among the best of its rung and goes on."
                return found.trial.number, self._verdict(Action.CONTINUE, report, message)
        return None

    def _next(
        self, story: Story, members: list[TrialRecord], marks: Sequence[int]
    ) -> TrialRecord | None:
        for mark in marks:
            there = {
                r.trial.number: at_rung(self._spec, story, r.trial, r.reports, mark)
                for r in members
            }
            late = [record for record in members if there[record.trial.number] is None]
            waiting = next((r for r in late if r.state == TrialState.PAUSED), None)
            if waiting is not None or any(r.state not in TRIAL_ENDS for r in late):
                return waiting
            members = self._best(members, there)
        return next((r for r in members if r.state == TrialState.PAUSED), None)

    def _best(
        self, members: list[TrialRecord], there: dict[int, Report | None]
    ) -> list[TrialRecord]:
        scores = {number: self._score(report) for number, report in there.items() if report}
        places = math.ceil(Fraction(len(scores), self._eta))
        best = sorted(scores, key=lambda number: (scores[number], number))[:places]
        return [record for record in members if record.trial.number in best]

    def _score(self, report: Report) -> float:
        value = value_at(report, self._metric.name)
        return math.inf if value is None else cost(value, self._metric)

    def _of(self, number: int) -> int:
        return self._bracket[number] if number < len(self._bracket) else 0

    def _verdict(self, action: Action, report: Report | None, message: str) -> Verdict:
        value = None if report is None else value_at(report, self._metric.name)
        evidence = Evidence(signal=self._metric.name, value=value)
        return Verdict(action=action, reason=self.reason, message=message, evidence=evidence)


def better_half(spec: SweepSpec) -> Synchronous:
    """The better half by the metric at 10 % goes on to the end."""
    return Synchronous(spec, [[_mark(spec, Fraction(1, 10))]], 2)


def successive_halving(spec: SweepSpec) -> Synchronous:
    """Rungs at 1/9 and 1/3 of the horizon, eta 3."""
    return Synchronous(spec, [_rungs(spec, _BRACKETS - 1)], _ETA)


def hyperband(spec: SweepSpec) -> Synchronous:
    """Three brackets that begin at 1/9, at 1/3 and without a rung, eta 3."""
    return Synchronous(spec, [_rungs(spec, s) for s in range(_BRACKETS - 1, -1, -1)], _ETA)


def _rungs(spec: SweepSpec, halvings: int) -> list[int]:
    """The marks of a bracket: eta^-s, ..., eta^-1 of the horizon."""
    marks = [_mark(spec, Fraction(1, _ETA**s)) for s in range(halvings, 0, -1)]
    return sorted(set(marks))


def _mark(spec: SweepSpec, share: Fraction) -> int:
    return max(1, round(share * spec.spec.report.points))


def _dealt(trials: int, brackets: int) -> list[int]:
    """The bracket of each trial, in the proportions of hyperband: ceil(S / (s + 1) x eta^s) trials
    for the bracket of s halvings, S brackets in all."""
    shares = [math.ceil(Fraction(brackets, s + 1) * _ETA**s) for s in range(brackets - 1, -1, -1)]
    edges = [sum(shares[: s + 1]) for s in range(brackets)]
    return [
        next(b for b, edge in enumerate(edges) if number * edges[-1] < edge * trials)
        for number in range(trials)
    ]
