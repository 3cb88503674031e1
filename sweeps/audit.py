"""How often pruning was wrong, measured on the condemned trials that ran on. Pure; docs/audit.md.

An audit is a trial that the pruner would have parked or stopped and that a seeded draw lets run to
its end instead. What it reaches there says what stopping it would have cost.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence

from sweeps.drops import panel
from sweeps.journal import Story
from sweeps.lifecycle import StopReason, TrialState
from sweeps.metric import cost, final
from sweeps.ranks import rank_agreement
from sweeps.spec import SweepSpec
from sweeps.trial import Action, Role, TrialRecord
from sweeps.wire import Wire

# Of a pruner whose settings name none.
TOLERANCE = 0.02
# The 97.5 % quantile of the standard normal distribution.
_Z = 1.959963984540054
# The reasons of a parked trial's final stop and of an audit. Else the reason is the pruner's name.
_PARKED, _AUDIT = "parked", "audit"


class Audit(Wire):
    """What the audits of a sweep say of its pruner. Search trials only.

    `condemned`: trials that the pruner parked or stopped as things stand, and its audits.
    `audited`: those among them that ran on. `finished`: audits with a finite final (those beyond
    `max_drop` too: they are no false kills, nor is anything compared with them). `false_kills`:
    finished audits that end better than every trial the pruner kept, by more than the tolerance
    (see `false_kill`). `rate` = false_kills / finished, between `low` and `high` with 95 %
    confidence (Wilson); None before an audit and a kept trial have finished.

    `estimate` is the pruner's latest estimate of the chance that one of those that it holds back
    would beat the best known. `expected` is the rate that it foretold: the mean chance that it gave
    the finished audits; without one, the rate per trial that `estimate` amounts to. `agreement` is
    the rank agreement of the early signal with the finals, from -1 to 1. None: not known.
    """

    condemned: int
    audited: int
    finished: int
    false_kills: int
    rate: float | None
    low: float | None
    high: float | None
    estimate: float | None
    expected: float | None
    agreement: float | None


def measured(spec: SweepSpec, story: Story) -> Audit:
    """The audit as the journal stands."""
    records = _searched(story)
    audits, others = _told_apart(records)
    ends, kept = _costs(spec, audits), _costs(spec, _within(spec, story, others))
    rated = bool(ends and kept)
    wrong = false_kills(spec, story) if rated else 0
    low, high = wilson(wrong, len(ends)) if rated else (None, None)
    stopped = sum(_held_back(spec, record) for record in others)
    estimate = _told(story, "miss_risk")
    return Audit(
        condemned=len(audits) + stopped,
        audited=len(audits),
        finished=len(ends),
        false_kills=wrong,
        rate=wrong / len(ends) if rated else None,
        low=low,
        high=high,
        estimate=estimate,
        expected=_expected(spec, audits, estimate, stopped),
        agreement=_agreement(spec, story, records),
    )


def false_kills(spec: SweepSpec, story: Story) -> int:
    """How many finished audits end better than all that the pruner kept: see `Audit`."""
    audits, others = _told_apart(r for r in _searched(story) if r.state == TrialState.DONE)
    sound = _costs(spec, _within(spec, story, audits))
    kept = _costs(spec, _within(spec, story, others)) if sound else []
    return sum(false_kill(end, kept, [*kept, *sound], tolerance_of(spec)) for end in sound)


def _searched(story: Story) -> list[TrialRecord]:
    """The search trials by number."""
    return [r for _, r in sorted(story.trials.items()) if r.trial.role is Role.SEARCH]


def _told_apart(records: Iterable[TrialRecord]) -> tuple[list[TrialRecord], list[TrialRecord]]:
    """The audits, and the others."""
    audits, others = list[TrialRecord](), list[TrialRecord]()
    for record in records:
        (audits if is_audit(record) else others).append(record)
    return audits, others


def _within(spec: SweepSpec, story: Story, records: list[TrialRecord]) -> list[TrialRecord]:
    """Those that are not known to break `max_drop`."""
    limits = panel(spec, story.trials.values())
    return [record for record in records if not limits.breaks(record)]


def is_audit(record: TrialRecord) -> bool:
    """True for a condemned trial that runs on, or ran on, to be measured."""
    return any(verdict.audit for verdict in record.verdicts.values())


def is_condemned(spec: SweepSpec, record: TrialRecord) -> bool:
    """True for an audit, and for what the pruner parked or stopped; not for what a guard, a user
    or the budget stopped, nor for a trial that was brought back."""
    return is_audit(record) or _held_back(spec, record)


def condemned_at(spec: SweepSpec, record: TrialRecord) -> int | None:
    """The decision point at which the trial was condemned, None when it was not."""
    if not is_condemned(spec, record):
        return None
    audits = [point for point, verdict in record.verdicts.items() if verdict.audit]
    return min(audits) if audits else max(record.verdicts)


def tolerance_of(spec: SweepSpec) -> float:
    """By how much normalised regret two finals may differ and count as equally good."""
    found: float = getattr(spec.spec.pruning, "tolerance", TOLERANCE)
    return found


def false_kill(end: float, kept: Sequence[float], finals: Sequence[float], within: float) -> bool:
    """True when stopping the trial of final `end` would have cost more than `within`.

    All are costs: less is better. `kept` are the finals of what the pruner let finish, `finals`
    all that are known. What it would have cost is the normalised regret of the best kept one:
    (best kept - end) / (median of all finals - end).
    """
    if not kept or end >= min(kept):
        return False
    spread = statistics.median(finals) - end
    return spread <= 0 or (min(kept) - end) / spread > within


def wilson(hits: int, trials: int) -> tuple[float, float]:
    """The 95 % interval of a share, as Wilson (1927) scores it; (0, 1) of no trials."""
    if trials == 0:
        return 0.0, 1.0
    share, z2 = hits / trials, _Z * _Z
    middle = share + z2 / (2 * trials)
    half = _Z * math.sqrt(share * (1 - share) / trials + z2 / (4 * trials * trials))
    whole = 1 + z2 / trials
    low = 0.0 if hits == 0 else (middle - half) / whole
    return low, 1.0 if hits == trials else (middle + half) / whole


def per_trial(estimate: float | None, trials: int) -> float | None:
    """The chance of each of `trials` that makes `estimate` the chance of at least one of them,
    were they alike and independent. None when there are none."""
    if estimate is None or trials <= 0:
        return None
    none = (1 - min(max(estimate, 0.0), 1.0)) ** (1 / trials)
    return float(1 - none)


def _costs(spec: SweepSpec, records: Iterable[TrialRecord]) -> list[float]:
    """The finite finals of those that came to their end, turned so that less is better."""
    metric, points = spec.spec.metric, spec.spec.report.points
    values = [final(r, metric, points) for r in records if r.state == TrialState.DONE]
    return [cost(v, metric) for v in values if v is not None and math.isfinite(v)]


def _expected(
    spec: SweepSpec, audits: list[TrialRecord], estimate: float | None, stopped: int
) -> float | None:
    verdicts = [
        verdict
        for record in audits
        if _costs(spec, [record])
        for verdict in record.verdicts.values()
        if verdict.audit
    ]
    chances = [v.evidence.probability for v in verdicts if v.evidence.probability is not None]
    if chances and len(chances) == len(verdicts):
        return statistics.fmean(chances)
    return per_trial(estimate, stopped)


def _held_back(spec: SweepSpec, record: TrialRecord) -> bool:
    """Parked or stopped by the pruner, as things stand."""
    by_verdict = record.state == TrialState.PAUSED or record.reason == StopReason.PRUNED
    if not by_verdict or not record.verdicts:
        return False
    verdict = record.verdicts[max(record.verdicts)]
    return verdict.action is not Action.CONTINUE and verdict.reason in _reasons(spec)


def _reasons(spec: SweepSpec) -> tuple[str, ...]:
    return (spec.spec.pruning.type, _PARKED, _AUDIT)


def _told(story: Story, name: str) -> float | None:
    """What the pruner said last, None when that is not a number."""
    told = story.estimated.evidence.details.get(name) if story.estimated else None
    return told if told is not None and math.isfinite(told) else None


def _agreement(spec: SweepSpec, story: Story, records: list[TrialRecord]) -> float | None:
    """As the pruner told it last. Where it told none: of the chance that it first gave each
    finished trial with the finals."""
    told = _told(story, "agreement")
    if told is not None:
        return told
    pairs = [
        (-chance, end)
        for record in records
        for end in _costs(spec, [record])
        if (chance := _first_chance(record)) is not None
    ]
    return rank_agreement(pairs)


def _first_chance(record: TrialRecord) -> float | None:
    for _, verdict in sorted(record.verdicts.items()):
        if verdict.evidence.probability is not None:
            return verdict.evidence.probability
    return None
