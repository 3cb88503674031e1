"""What other problems taught: how much each early signal says about the end. docs/pruning.md.

The prior holds weights on ranks within a sweep. Names, settings and absolute values of the recorded
sets that it was learned from are no part of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources
from itertools import combinations

import numpy as np

from sweeps.pruners.early_dynamics.scores import Floats, normal_scores
from sweeps.wire import Wire

SIGNALS = ("metric", "loss", "grad_norm")
# The least number of trials of a past sweep, and the ridge of its regression (over sqrt(n)).
_MIN_TRIALS, _RIDGE = 5, 0.3
# Added to the variance of each weight between problems: the problems were few.
_UNSURE = 0.02


class Weights(Wire):
    """The regression of final scores on early scores of some signals, over problems: mean and
    covariance of the weights, and the mean variance of what they leave open."""

    signals: list[str]
    mean: list[float]
    spread: list[list[float]]
    noise: float

    @cached_property
    def mean_array(self) -> Floats:
        """b0, one cell a signal."""
        return np.array(self.mean, dtype=np.float64)

    @cached_property
    def spread_array(self) -> Floats:
        """S, (signals, signals)."""
        return np.array(self.spread, dtype=np.float64).reshape(len(self.mean), len(self.mean))


class Prior(Wire):
    """Weights for each set of signals that a sweep may have, and from how many problems."""

    problems: int
    weights: list[Weights]

    def of(self, signals: Collection[str]) -> Weights:
        """The weights of these signals, in the order of SIGNALS; nothing known for others."""
        wanted = [name for name in SIGNALS if name in signals]
        known = next((w for w in self.weights if w.signals == wanted), None)
        return known or _ignorant(wanted)


@dataclass(frozen=True)
class Past:
    """A finished sweep: costs of each signal at the first rung (less is better, NaN where it is
    missing), and of the finals (infinite: none), one cell a trial."""

    problem: str
    signals: dict[str, Floats]
    finals: Floats


@cache
def shipped() -> Prior:
    """The prior of this version, learned by benchmarks/learn_prior.py."""
    text = resources.files("sweeps.pruners.early_dynamics").joinpath("prior.json").read_text()
    return Prior.model_validate_json(text)


def learn(sweeps: Iterable[Past]) -> Prior:
    """The prior from these sweeps, every problem counted once, whatever the number of its sweeps.

    Raises ValueError when no sweep has enough trials.
    """
    past = list(sweeps)
    sets = [list(some) for size in (3, 2, 1) for some in combinations(SIGNALS, size)]
    found = [weights for some in sets if (weights := _over_problems(past, some)) is not None]
    if not found:
        raise ValueError(f"a prior needs a sweep of at least {_MIN_TRIALS} trials with signals")
    return Prior(problems=len({one.problem for one in past}), weights=found)


def _over_problems(past: list[Past], signals: list[str]) -> Weights | None:
    by_problem: dict[str, list[Floats]] = {}
    for one in past:
        row = regressed(one, signals)
        if row is not None:
            by_problem.setdefault(one.problem, []).append(row)
    if not by_problem:
        return None
    rows = np.array([np.mean(found, axis=0) for found in by_problem.values()])
    size = len(signals)
    slopes = rows[:, :size] - rows[:, :size].mean(axis=0)
    spread = slopes.T @ slopes / len(rows) + _UNSURE * np.eye(size)
    mean = [round(float(value), 4) for value in rows.mean(axis=0)]
    return Weights(
        signals=signals,
        mean=mean[:size],
        spread=[[round(float(cell), 4) for cell in line] for line in spread],
        noise=mean[size],
    )


def regressed(past: Past, signals: list[str]) -> Floats | None:
    """Ridge weights of the final scores on the early ones, and the mean square left over; None when
    a signal is missing or too few trials have them."""
    if any(name not in past.signals for name in signals):
        return None
    costs = np.array([past.signals[name] for name in signals])
    there = ~np.isnan(costs).any(axis=0)
    if there.sum() < _MIN_TRIALS or (np.isfinite(costs[:, there]).sum(axis=1) < _MIN_TRIALS).any():
        return None
    x = np.array([normal_scores(row[there]) for row in costs]).T
    y = normal_scores(past.finals)[there]
    x, y = x - x.mean(axis=0), y - y.mean()
    ridge = _RIDGE / np.sqrt(len(y)) * np.eye(len(signals))
    slopes = np.linalg.solve(x.T @ x / len(y) + ridge, x.T @ y / len(y))
    return np.append(slopes, np.mean((y - x @ slopes) ** 2))


def _ignorant(signals: list[str]) -> Weights:
    size = len(signals)
    spread = [[0.25 if i == j else 0.0 for j in range(size)] for i in range(size)]
    return Weights(signals=signals, mean=[0.0] * size, spread=spread, noise=0.7)
