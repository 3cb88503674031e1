"""The chance of each trial to end best, from early scores and the finals known so far."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from sweeps.pruners.early_dynamics.prior import Weights
from sweeps.pruners.early_dynamics.scores import Floats, utilities

# Hypotheses on the sign of the prior's weights, with their prior chances: as learned, turned
# round, not known. On general benchmarks and retention the sign is the opposite (docs/pruning.md).
SIGNS = ((1, 0.85), (-1, 0.07), (0, 0.08))
# What one unit of score is worth in utility; the share of the kernel on parameters; the noise as a
# multiple of the prior's. Equally likely a priori.
SCALES, KERNELS, NOISES = (0.5, 1.0, 2.0, 4.0), (0.0, 0.4), (0.1, 0.4, 1.0)
# Variance of the unknown mean, and how much of the noise the kernel explains.
LEVEL, EXPLAINED = 2.0, 0.6
_LEAST_NOISE, _LEAST_WEIGHT = 0.02, 0.01


@dataclass(frozen=True)
class Known:
    """What is known of n trials: early `scores` (n, signals), the rows that are finished with
    their final `costs`, the kernel (n, finished), None when no parameter varies, and the least
    final cost of all, also of trials that are not among the rows."""

    scores: Floats
    finished: list[int]
    costs: Floats
    kernel: Floats | None
    best: float


@dataclass(frozen=True)
class Forecast:
    """A mixture of normal predictions of every trial's utility.

    `means` and `deviations` have a row for each hypothesis and a column for each trial; `weights`
    and `scales` one cell a hypothesis. `best` is the utility of the best final. `trust` is the
    posterior chance that the signals have the sign of the prior.
    """

    means: Floats
    deviations: Floats
    weights: Floats
    scales: Floats
    best: float
    trust: float

    def chances(self, tolerance: float, rivals: list[int]) -> Floats:
        """P(utility > best + margin) of every trial; margin = `tolerance` x the distance from the
        best to the median prediction. With `rivals`, the best of their predictions counts too."""
        middle = np.median(self.means, axis=1)
        margin = tolerance * np.maximum(self.scales / 2, self.best - middle)
        bar = np.full(len(self.weights), self.best)
        if rivals:
            bar = np.maximum(bar, self.means[:, rivals].max(axis=1))
        found = ndtr((self.means - (bar + margin)[:, None]) / self.deviations)
        return np.asarray(self.weights @ found, dtype=np.float64)


def forecast(known: Known, prior: Weights) -> Forecast:
    """y = mu + s (b . x + f + e): x the scores, b normal about +b0, -b0 or 0, f a Gaussian process
    on the parameters, e noise; every combination of sign, s, f and e weighted by the likelihood of
    the finals. `costs` must hold at least one cell, and `best` be finite."""
    rows, x, scales = known.finished, known.scores, np.array(SCALES)
    y = utilities(known.costs, known.best)
    base = x @ prior.mean_array
    covariances = _covariances(known, prior, base)
    # In units of the scale the covariance is the same, so each is decomposed once.
    grams = np.array([c.cross[rows] + (c.noise + 1e-9) * np.eye(len(rows)) for c in covariances])
    chol = np.linalg.cholesky(grams)
    inverses = np.linalg.inv(chol)
    logdets = np.log(np.diagonal(chol, axis1=1, axis2=2)).sum(axis=1)
    parts = [(sign, chance, i) for sign, chance in SIGNS for i in _of(sign, covariances)]
    signs = np.array([sign for sign, _, _ in parts])
    chances = np.array([chance for _, chance, _ in parts])
    which = np.array([index for _, _, index in parts])
    aims = y / scales[:, None] - signs[:, None, None] * base[rows]
    pulls = np.einsum("pij,psj->psi", inverses[which], aims)
    logs = -0.5 * (pulls**2).sum(axis=2) - len(rows) * np.log(scales)
    logs += (np.log(chances) - logdets[which])[:, None]
    weights = np.exp(logs - logs.max())
    weights /= weights.sum()
    means, deviations, kept = [], [], np.argwhere(weights >= min(_LEAST_WEIGHT, weights.max()))
    toward, left = dict[int, Floats](), dict[int, Floats]()
    for part, scale in kept:
        one, s = int(which[part]), scales[scale]
        if one not in toward:  # the same at every scale
            of = covariances[one]
            toward[one] = of.cross @ inverses[one].T
            rest = of.variance + of.noise - (toward[one] ** 2).sum(axis=1)
            left[one] = np.sqrt(np.maximum(rest, 1e-8))
        means.append(s * (signs[part] * base + toward[one] @ pulls[part, scale]))
        deviations.append(s * left[one])
    chosen = np.array([weights[part, scale] for part, scale in kept])
    return Forecast(
        means=np.array(means),
        deviations=np.array(deviations),
        weights=chosen / chosen.sum(),
        scales=scales[kept[:, 1]],
        best=0.0,
        trust=float(weights[signs > 0].sum()),
    )


@dataclass(frozen=True)
class _Covariance:
    """Of all trials with the finished ones (`cross`), and of each with itself, without noise.
    `unsure`: the sign of the weights is not known."""

    unsure: bool
    cross: Floats
    variance: Floats
    noise: float


def _covariances(known: Known, prior: Weights, base: Floats) -> list[_Covariance]:
    x, rows, spread = known.scores, known.finished, prior.spread_array
    toward = x @ spread
    cross, own = toward @ x[rows].T + LEVEL, (toward * x).sum(axis=1) + LEVEL
    blurred, itself = cross + np.outer(base, base[rows]), own + base**2
    found = []
    for share in KERNELS if known.kernel is not None else (0.0,):
        alike = 0.0 if known.kernel is None else share * known.kernel
        for times in NOISES:
            noise = prior.noise * times * (1 - (EXPLAINED if share else 0.0))
            noise = max(noise, _LEAST_NOISE)
            found.append(_Covariance(False, cross + alike, own + share, noise))
            found.append(_Covariance(True, blurred + alike, itself + share, noise))
    return found


def _of(sign: int, covariances: list[_Covariance]) -> list[int]:
    return [i for i, one in enumerate(covariances) if one.unsure == (sign == 0)]
