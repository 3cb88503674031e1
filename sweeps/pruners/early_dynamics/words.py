"""The verdicts of `early_dynamics` with their evidence, in sentences for a person."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sweeps.pruners.early_dynamics.scores import Floats
from sweeps.pruners.early_dynamics.table import MEETS, Row, Table
from sweeps.pruners.peers import NAMED
from sweeps.trial import Action, Evidence, Verdict

REASON = "early_dynamics"


@dataclass(frozen=True)
class Facts:
    """What a verdict on one trial rests on. `probability` is its chance to end best or near it,
    `miss` the chance that a parked trial beats the best; both None before any final is known.
    `below` is the risk at which pruning ends, `stated` the one that the user wrote."""

    view: Table
    index: int
    lead: Floats
    probability: float | None
    miss: float | None
    stated: float
    below: float
    agreement: float | None
    points: int
    blind: bool

    @property
    def row(self) -> Row:
        """The trial."""
        return self.view.rows[self.index]


def parked(facts: Facts) -> Verdict:
    """At the rung: wait until the others are there."""
    end = "It is parked until the others have come this far."
    return _verdict(facts, Action.PAUSE, f"{_standing(facts)} {end}")


def overtaken(facts: Facts, point: int, rival: int) -> Verdict:
    """At a later look, `point`: the parked trial `rival` is more likely to win now."""
    end = f"Looked at again at point {point}, it is behind trial {rival}, which is parked. "
    end += f"{_chance(facts)}It is parked, and comes back should the others disappoint."
    verdict = _verdict(facts, Action.PAUSE, f"{_standing(facts)} {end}")
    report, evidence = facts.row.record.reports[point], verdict.evidence
    now = {"point": report.point, "samples": report.samples, "rival": rival}
    told = evidence.model_copy(update={"details": {**evidence.details, **now}})
    return verdict.model_copy(update={"evidence": told})


def revived(facts: Facts, *, audit: bool = False) -> Verdict:
    """Back to run to its end, on its merits or to be measured."""
    if audit:
        end = "It would stay parked, and runs on as an audit, to measure what pruning misses."
        return _verdict(facts, Action.CONTINUE, f"{_standing(facts)} {end}", audit=True)
    end = f"{_chance(facts)}It was parked and goes on now."
    if facts.blind:
        end = "The early signals say nothing about the finals here, so every trial runs."
    return _verdict(facts, Action.CONTINUE, f"{_standing(facts)} {end}")


def brought_on(facts: Facts) -> Verdict:
    """From its first rung to where it meets trials of other first rungs."""
    point = facts.row.meets
    end = f"It goes on to point {point}, to be compared with trials whose first rung comes later."
    verdict = _verdict(facts, Action.CONTINUE, f"{_standing(facts)} {end}")
    evidence = verdict.evidence
    told = evidence.model_copy(update={"details": {**evidence.details, MEETS: point}})
    return verdict.model_copy(update={"evidence": told})


def part(facts: Facts) -> Verdict:
    """At the end: stopped for good."""
    end = f"{_chance(facts)}It was not needed, so it stops here."
    verdict = _verdict(facts, Action.STOP, f"{_standing(facts)} {end}")
    return verdict.model_copy(update={"reason": "parked"})


def _standing(facts: Facts) -> str:
    row, point = facts.row, facts.row.point
    report = row.record.reports[point] if point is not None else row.record.last_report
    signal, value = _strongest(facts)
    where = (
        f"At point {report.point} of {facts.points} ({report.samples:,} samples)"
        if report
        else "At its start"
    )
    if value is None or math.isnan(value):
        return f"{where} it reported nothing that others reported ({value}: missing)."
    there = facts.view.there
    peers, place = len(there), 1 + int((facts.lead[there] > facts.lead[facts.index]).sum())
    cutoff = _cutoff(facts, signal)
    text = f"{where} its {_name(facts, signal)} was {value:.4g}; "
    text += f"it is number {place} of {peers} by its early signals."
    if cutoff is not None:
        text += f" The last that went on had {cutoff:.4g}."
    return text


def _chance(facts: Facts) -> str:
    if facts.probability is None:
        return ""
    return f"The chance that it ends best, or near it, is estimated at {facts.probability:.1%}. "


def _verdict(facts: Facts, action: Action, message: str, *, audit: bool = False) -> Verdict:
    row = facts.row
    signal, value = _strongest(facts)
    report = row.record.reports[row.point] if row.point is not None else row.record.last_report
    details: dict[str, float | None] = {
        "point": report.point if report else 0,
        "samples": report.samples if report else 0,
        "rung": row.point,
        "compared": len(facts.view.there),
        "peers": len(facts.view.there) - (row.point is not None),
        "went_on": len(facts.view.went_on),
        **_ranks(facts),
        "miss_risk": facts.miss,
        "stated_risk": facts.stated,
        "stop_below": facts.below,
        "finished": len(facts.view.finished),
    }
    if facts.agreement is not None:
        details["agreement"] = facts.agreement
    evidence = Evidence(
        signal=_name(facts, signal),
        value=value,
        cutoff=_cutoff(facts, signal),
        peers=_peers(facts),
        probability=facts.probability,
        details=details,
    )
    reason = "audit" if audit else REASON
    return Verdict(action=action, reason=reason, message=message, evidence=evidence, audit=audit)


def _strongest(facts: Facts) -> tuple[str, float | None]:
    """The first signal that the trial has, in the order of strength, and its value as measured."""
    for name in [*facts.view.signals, "metric", "loss", "grad_norm"]:
        value = _value(facts, facts.row, name)
        if value is not None:
            return name, value
    return (facts.view.signals or ["loss"])[0], math.nan


def _value(facts: Facts, row: Row, signal: str) -> float | None:
    cost = row.costs.get(signal, math.nan)
    if math.isnan(cost):
        return None
    return -cost if signal == "metric" and facts.view.higher else cost


def _name(facts: Facts, signal: str) -> str:
    return facts.view.watch or signal if signal == "metric" else signal


def _cutoff(facts: Facts, signal: str) -> float | None:
    """The signal of the least promising trial that went on."""
    rows = facts.view.rows
    known = [i for i in facts.view.went_on if _value(facts, rows[i], signal) is not None]
    if not known:
        return None
    return _value(facts, rows[min(known, key=lambda i: float(facts.lead[i]))], signal)


def _ranks(facts: Facts) -> dict[str, float | None]:
    found: dict[str, float | None] = {}
    for column, name in enumerate(facts.view.signals):
        mine = facts.view.scores[facts.index, column]
        others = facts.view.scores[facts.view.there, column]
        found[f"rank_{name}"] = 1.0 + float((others > mine).sum())
    return found


def _peers(facts: Facts) -> list[int]:
    """The nearest by their early signals."""
    others = facts.view.there[facts.view.there != facts.index]
    away = np.abs(facts.lead[others] - facts.lead[facts.index])
    near = others[np.argsort(away, kind="stable")[:NAMED]]
    return sorted(facts.view.rows[i].number for i in near)
