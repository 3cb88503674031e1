"""Outcomes as the rows of a table: means over workloads, and intervals that bootstrap them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import fmean

import numpy as np

from sweeps.backtest.scoring import Outcome
from sweeps.seeds import generator
from sweeps.wire import Wire

LEVEL, RESAMPLES = 0.95, 2000


class Figures(Wire):
    """Means of the fields of Outcome of the same names."""

    compute: float
    regret: float
    best_kept: float
    kept_within_tolerance: float
    time_to_result: float


class GroupRow(Figures):
    """A group, averaged over the orders of its trials."""

    group: str
    workload: str
    trials: int


class PeerRow(Figures):
    """A policy, averaged over workloads: each is the mean over its groups and orders."""

    compute_of_horizon: float
    random_regret: float
    random_kept: float


class Row(PeerRow):
    """The pruner asked for, at one risk.

    `interval` holds for each figure the bounds of a bootstrap over workloads (95 %, percentile);
    None with fewer than two workloads, which tell nothing of their spread.
    """

    risk: float
    tolerance: float
    audit_compute: float
    interval: dict[str, tuple[float, float] | None]
    groups: list[GroupRow]


class Backtest(Wire):
    """The table of `sweepctl backtest`, and what it was made with."""

    pruner: str
    rows: list[Row]
    peers: dict[str, PeerRow]
    groups: int
    workloads: int
    trials: int
    slots: int
    order_seeds: int
    points: int
    seed: int
    leave_one_out: bool = False
    notes: list[str] = []


_FIGURES = tuple(PeerRow.model_fields)


def summarise(outcomes: Sequence[Outcome], *, risk: float, tolerance: float, seed: int = 0) -> Row:
    """The row of one policy at one risk. Raises ValueError for no outcomes."""
    means = {name: _mean(outcomes, name) for name in _FIGURES}
    return Row(
        **means,
        risk=risk,
        tolerance=tolerance,
        audit_compute=_mean(outcomes, "audit_compute"),
        interval=intervals(outcomes, seed),
        groups=[_group(found) for found in _parted(outcomes, lambda o: o.group)],
    )


def peer(outcomes: Sequence[Outcome]) -> PeerRow:
    """The row of a peer. Raises ValueError for no outcomes."""
    return PeerRow(**{name: _mean(outcomes, name) for name in _FIGURES})


def intervals(outcomes: Sequence[Outcome], seed: int) -> dict[str, tuple[float, float] | None]:
    """Percentile bootstrap of every figure: workloads are drawn, with their groups and orders."""
    parts = _parted(outcomes, lambda o: o.workload)
    if len(parts) < 2:
        return dict.fromkeys(_FIGURES)
    draw = generator(seed, "backtest/bootstrap", 0)
    drawn = draw.integers(len(parts), size=(RESAMPLES, len(parts)))
    edges = [100 * (1 - LEVEL) / 2, 100 * (1 + LEVEL) / 2]
    found: dict[str, tuple[float, float] | None] = {}
    for name in _FIGURES:
        values = np.array([fmean(_value(o, name) for o in part) for part in parts])
        low, high = np.percentile(values[drawn].mean(axis=1), edges)
        found[name] = (float(low), float(high))
    return found


def _mean(outcomes: Sequence[Outcome], name: str) -> float:
    """Mean over workloads of the mean within each."""
    if not outcomes:
        raise ValueError("a mean needs at least one outcome")
    parts = _parted(outcomes, lambda o: o.workload)
    return fmean(fmean(_value(o, name) for o in part) for part in parts)


def _group(outcomes: list[Outcome]) -> GroupRow:
    first = outcomes[0]
    means = {name: fmean(_value(o, name) for o in outcomes) for name in Figures.model_fields}
    return GroupRow(group=first.group, workload=first.workload, trials=first.trials, **means)


def _parted(outcomes: Sequence[Outcome], by: Callable[[Outcome], str]) -> list[list[Outcome]]:
    parts: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        parts.setdefault(by(outcome), []).append(outcome)
    return list(parts.values())


def _value(outcome: Outcome, name: str) -> float:
    return float(getattr(outcome, name))
