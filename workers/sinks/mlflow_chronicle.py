"""The journal as MLflow shall show it: the story, when things happened, the sweep's own curves."""

from __future__ import annotations

import math
from datetime import datetime

from sweeps.audit import measured
from sweeps.journal import CommandApplied, Entry, Reported, Story, fold
from sweeps.lifecycle import TRIAL_ENDS, TrialState
from sweeps.metric import cost, value_at
from sweeps.result import compute_saved
from sweeps.spec import SweepSpec
from sweeps.trial import Role
from workers.sinks.metric_spool import Point


def millis(at: str) -> int:
    """RFC 3339 -> ms since the epoch."""
    return round(datetime.fromisoformat(at).timestamp() * 1000)


class Chronicle:
    """Folds entries one by one. The same entries give the same chronicle, so a restarted driver
    writes what the one before it wrote.

    `asked` and `ended` are times in ms by trial number. `touched` are the trials whose runs may
    have to change; the writer takes out what it wrote. `points` are the parent's metrics; their
    step is the entry's seq.
    """

    def __init__(self, spec: SweepSpec) -> None:
        self.spec = spec
        self.story = Story()
        self.asked: dict[int, int] = {}
        self.ended: dict[int, int] = {}
        self.touched: set[int] = set()
        self.points: list[Point] = []
        self._shown: dict[str, float] = {}
        self._least = math.inf

    def take(self, entry: Entry) -> None:
        """Take one entry; one that is known already changes nothing. Raises SweepError when it
        does not fit behind the ones before it."""
        if entry.seq <= self.story.seq:
            return
        fold([entry], self.story)
        at, body = millis(entry.at), entry.body
        if isinstance(body, CommandApplied) and body.trial is None:
            self.touched.update(self.story.trials)
        number = getattr(body, "trial", None)
        if isinstance(number, int):
            self.touched.add(number)
            self.asked.setdefault(number, at)
        if isinstance(body, Reported):
            self._reported(body, entry.seq, at)
        ends = [n for n in self.touched - self.ended.keys() if self._state(n) in TRIAL_ENDS]
        # A user retried them: they have not ended after all.
        again = [n for n in self.touched & self.ended.keys() if self._state(n) not in TRIAL_ENDS]
        for trial in again:
            del self.ended[trial]
        if self.spec.spec.metric.max_drop and any(self._is_base(n) for n in ends):
            self.touched.update(self.story.trials)  # what each of them lost is known now
        if ends or again:
            self.ended |= dict.fromkeys(ends, at)
            self._counted(entry.seq, at)

    def _is_base(self, number: int) -> bool:
        return self.story.trials[number].trial.role is Role.BASE

    def _state(self, number: int) -> str:
        return self.story.trials[number].state

    def _reported(self, body: Reported, seq: int, at: int) -> None:
        metric, record = self.spec.spec.metric, self.story.trials[body.trial]
        value = value_at(body.report, metric.name)
        if value is None or record.trial.role is not Role.SEARCH:
            return
        if cost(value, metric) < self._least:
            self._least = cost(value, metric)
            self._point(f"best_{metric.name}", value, seq, at)

    def _counted(self, seq: int, at: int) -> None:
        records = self.story.trials.values()
        search = [record for record in records if record.trial.role is Role.SEARCH]
        for key, state in (
            ("trials_finished", TrialState.DONE),
            ("trials_stopped", TrialState.STOPPED),
            ("trials_failed", TrialState.FAILED),
        ):
            self._point(key, sum(record.state == state for record in search), seq, at)
        if self.story.prepared is not None:
            saved = compute_saved(self.spec, self.story, search)
            if saved is not None:
                self._point("compute_saved", saved, seq, at)
        # Others estimate and audit nothing, and to measure it takes a look at every trial.
        if hasattr(self.spec.spec.pruning, "audit"):
            self._audited(seq, at)

    def _audited(self, seq: int, at: int) -> None:
        """What the pruner estimates of itself, and what its audits measured, once there is any."""
        audit = measured(self.spec, self.story)
        for key, value in (
            ("miss_risk_estimate", audit.estimate),
            ("false_kill_rate", audit.rate),
            ("false_kill_rate_low", audit.low),
            ("false_kill_rate_high", audit.high),
            ("signal_agreement", audit.agreement),
        ):
            if value is not None:
                self._point(key, value, seq, at)

    def _point(self, key: str, value: float, seq: int, at: int) -> None:
        if self._shown.get(key) != value:
            self._shown[key] = value
            self.points.append(Point(key, float(value), at, seq))
