"""Optuna's Sobol sequence, which asks nothing of what was measured."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import optuna
from optuna.samplers import QMCSampler

from sweeps.journal import Story
from sweeps.points import Stage
from sweeps.searchers.knobs import build
from sweeps.searchers.optuna_bridge import distribution_of, quiet
from sweeps.searchers.optuna_search import OptunaSearcher
from sweeps.searchers.remaining import TRIES, Key, key, keys
from sweeps.seeds import generator
from sweeps.spec import SweepSpec
from sweeps.trial import Params


class QmcSearcher(OptunaSearcher):
    """A scrambled Sobol sequence. Trial n has its n-th point that can be asked, whatever was
    measured; a parameter that is not there leaves its coordinate unused.

    The sequence is the sweep's own and known from the spec alone; what was worked out of it is
    kept, because a point costs Optuna a millisecond.
    """

    def __init__(self, spec: SweepSpec, horizon: int, stages: Sequence[Stage] = ()) -> None:
        super().__init__(spec, horizon, stages)
        with quiet():
            self._study = optuna.create_study()
        self._sampler = _sobol(self._seed_of("scramble", 0))
        self._points: list[Params] = []
        self._known: set[Key] = set()
        self._dry = False

    def _next(self, story: Story, before: list[Params]) -> Params | None:
        taken, number = keys(before), len(before)
        while number < len(self._points) or self._grow():
            if number < len(self._points):
                if key(self._points[number]) not in taken:
                    return self._points[number]
                number += 1
        return None

    def _grow(self) -> bool:
        """Find the next point that can be asked. False when there is none."""
        cell = None if self._dry else self._sought()
        if cell is None:
            # Nearly used up: the rest of a finite space in random order.
            self._dry = True
            left = self._remaining.left(self._known)
            if not left:
                return False
            rng = generator(self._seed, "qmc-rest", len(self._points))
            cell = left[int(rng.integers(len(left)))]
        self._points.append(cell)
        self._known.add(key(cell))
        return True

    def _sought(self) -> Params | None:
        """The next point of the sequence that fits, None when TRIES in a row do not."""
        for _ in range(TRIES):
            cell = self._point()
            if self._remaining.fits(cell, self._known):
                return cell
        return None

    def _point(self) -> Params:
        """The sequence's next point. Optuna counts them in the study, which holds nothing else."""
        space = {knob.name: distribution_of(knob) for knob in self._knobs if not knob.single}
        point = self._sampler.sample_relative(self._study, None, space)
        names = self._spec.spec.parameters.names
        return build(self._knobs, names, lambda knob: point[knob.name])


def _sobol(seed: int) -> QMCSampler:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return QMCSampler(
            scramble=True, seed=seed, warn_asynchronous_seeding=False,
            warn_independent_sampling=False,
        )  # fmt: skip
