"""What training cost: a trial's scores against the untrained base model's, and their limits. Pure.

docs/ranking.md has the rules. A drop is how much worse than the base model, in units of the metric:
of an accuracy how much lower, of a loss how much higher. Negative: the trial is better.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sweeps.configurations import mean
from sweeps.lifecycle import TrialState
from sweeps.metric import UNSEEN, unseen_half
from sweeps.spec import SweepSpec
from sweeps.trial import Role, TrialRecord

# Which way is better, by the last words of a metric's name: the recipes' own names, those of
# transformers' Trainer and of lm-evaluation-harness.
LESS = ("loss", "perplexity", "bits_per_byte")
MORE = ("accuracy", "accuracy_norm", "exact_match", "acc", "acc_norm", "f1", "score", "judge")
_GOALS = {**dict.fromkeys(LESS, "minimize"), **dict.fromkeys(MORE, "maximize")}
_LAST = re.compile(rf"(?:^|[_./ -])({'|'.join(sorted(_GOALS, key=len, reverse=True))})$")
# What float arithmetic may make of a difference that is exactly the limit (0.5 - 0.48 > 0.02).
_ROUNDING = 1e-9


def goal_of(name: str) -> Literal["minimize", "maximize"] | None:
    """Which way a metric of this name is better; None for a name that does not tell."""
    found = _LAST.search(name)
    if found is None:
        return None
    return "minimize" if _GOALS[found[1]] == "minimize" else "maximize"


@dataclass(frozen=True)
class Panel:
    """The base model's scores by metric, and what a trial may lose of them (`limits`).

    `base` is None while nobody has evaluated it.
    """

    base: Mapping[str, float] | None
    limits: Mapping[str, float]

    def drops(self, scores: Mapping[str, float]) -> dict[str, float]:
        """By metric: each that has a limit, and each other that trial and base both have and whose
        name tells which way is better. NaN where it is not known, or not finite."""
        base = self.base or {}
        shared = [name for name in base if name in scores and goal_of(name) is not None]
        return {name: _drop(name, scores, base) for name in [*self.limits, *shared]}

    def over(self, scores: Mapping[str, float]) -> list[str]:
        """The metrics whose limit is broken, or cannot be shown to hold."""
        drops = self.drops(scores) if self.limits else {}
        return [name for name, most in self.limits.items() if not drops[name] <= _room(most)]

    def breaks(self, record: TrialRecord) -> bool:
        """True for a trial that finished and is known to break a limit. Never while the base
        model's scores are not known."""
        if not self.limits or self.base is None or record.state != TrialState.DONE:
            return False
        return bool(self.over(scores_of([record])))


def panel(spec: SweepSpec, records: Iterable[TrialRecord], *, unseen: bool = False) -> Panel:
    """The panel of a sweep, given its trials of all roles. `unseen`: by the unseen halves of the
    metrics that have one, as finished trials are ranked; else by what the search goes by."""
    most = spec.spec.metric.max_drop
    limits = {unseen_half(spec, name): v for name, v in most.items()} if unseen else dict(most)
    row = next((r for r in records if r.trial.role is Role.BASE), None)
    scores = scores_of([row]) if row is not None and row.state == TrialState.DONE else None
    if scores is not None:
        scores = {name: v for name, v in scores.items() if _counts(spec, name, unseen)}
    return Panel(scores, limits)


def scores_of(runs: Sequence[TrialRecord]) -> dict[str, float]:
    """The metrics that all these finished runs have at their last report, averaged over them."""
    found = [run.reports[max(run.reports)].metrics for run in runs if run.reports]
    if not found or len(found) < len(runs):
        return {}
    shared = [name for name in found[0] if all(name in metrics for metrics in found)]
    return {name: _mean([metrics[name] for metrics in found]) for name in shared}


def _counts(spec: SweepSpec, name: str, unseen: bool) -> bool:
    return unseen_half(spec, name) == name if unseen else not name.startswith(UNSEEN)


def _mean(values: Sequence[float]) -> float:
    return mean(values) if all(map(math.isfinite, values)) else math.nan


def _drop(name: str, scores: Mapping[str, float], base: Mapping[str, float]) -> float:
    before, after = base.get(name, math.nan), scores.get(name, math.nan)
    lost = after - before if goal_of(name) == "minimize" else before - after
    return lost if math.isfinite(lost) else math.nan


def _room(limit: float) -> float:
    return limit + _ROUNDING * max(1.0, limit)
