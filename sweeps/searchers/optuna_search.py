"""Searchers of Optuna, rebuilt from the story at every ask.

No study outlives its ask, no state is stored, and nothing of Optuna is global here: each ask makes
a study in memory, tells it the outcomes so far, and seeds its sampler by the sweep's seed, the
method and the number of the trial.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, CmaEsSampler, GPSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState, create_trial
from threadpoolctl import threadpool_limits

from sweeps.journal import Asked, Story
from sweeps.points import Stage
from sweeps.searchers.base import asked, searched, trial_budget
from sweeps.searchers.configs import Cmaes, Gp, Tpe
from sweeps.searchers.knobs import build, distance, knobs_of, positions
from sweeps.searchers.optuna_bridge import distribution_of, quiet, suggest
from sweeps.searchers.outcomes import Fate, Outcome, outcomes, with_stand_ins
from sweeps.searchers.remaining import Key, Remaining, keys
from sweeps.seeds import generator
from sweeps.spec import SweepSpec
from sweeps.trial import Params

# A parked trial may come back, but most never do, and under a pruner that parks every trial nothing
# else would be known for long: TPE is told how far it came, as of a pruned one.
STATES = {
    Fate.DONE: TrialState.COMPLETE,
    Fate.CUT: TrialState.PRUNED,
    Fate.LOST: TrialState.FAIL,
    Fate.PARKED: TrialState.PRUNED,
    Fate.OPEN: TrialState.RUNNING,
}


class OptunaSearcher:
    """What all four have in common: the budget, and what may not be asked."""

    def __init__(self, spec: SweepSpec, horizon: int, stages: Sequence[Stage] = ()) -> None:
        self._spec, self._method, self._seed = spec, spec.spec.method, spec.spec.seed
        self._knobs = knobs_of(spec.spec.parameters)
        self._remaining = Remaining(spec, horizon, stages)

    def ask(self, story: Story) -> Asked | None:
        """The next configuration, or None after `budget.trials` of them or the last of a finite
        space."""
        before = searched(story)
        if self._spent(story, before):
            return None
        params = self._next(story, before)
        return None if params is None else asked(story, params, self._seed)

    def exhausted(self, story: Story) -> bool:
        """True after `budget.trials` configurations, or when a finite space is used up."""
        return self._spent(story, searched(story))

    def _spent(self, story: Story, before: list[Params]) -> bool:
        spent = len(before) >= (trial_budget(self._spec, story) or 0)
        return spent or self._remaining.exhausted(before)

    def _next(self, story: Story, before: list[Params]) -> Params | None:
        raise NotImplementedError

    def _seed_of(self, purpose: str, number: int) -> int:
        rng = generator(self._seed, f"{self._method.type}-{purpose}", number)
        return int(rng.integers(2**32))


class ModelSearcher(OptunaSearcher):
    """A searcher that learns from what was measured, its model made anew from the story.

    A proposal that cannot be asked (excluded, unable to run, asked before) gives way to the
    nearest configuration that can: of all that are left of a small finite space, else of TRIES
    random ones. So a model that insists on one place neither loops nor stops the search.
    """

    def study(self, story: Story) -> optuna.Study:
        """What the sampler of the next trial sees: one trial for each search trial so far."""
        study = self._new_study(self._sampler(len(searched(story))))
        for outcome in self._outcomes(story):
            study.add_trial(self._frozen(outcome))
        return study

    def _next(self, story: Story, before: list[Params]) -> Params | None:
        # Many small products: threads of numpy and torch would only get in each other's way, at
        # several times the cost. The limit ends with the ask.
        with quiet(), threadpool_limits(1):
            trial = self.study(story).ask()
            names = self._spec.spec.parameters.names
            params = build(self._knobs, names, lambda knob: suggest(trial, knob))
        taken = keys(before)
        if self._remaining.fits(params, taken):
            return params
        return self._nearest(params, taken, len(before))

    def _nearest(self, params: Params, taken: set[Key], number: int) -> Params | None:
        rng = generator(self._seed, f"{self._method.type}-nearest", number)
        choices = self._remaining.choices(rng, taken)
        # In random order, so that of equally near ones it is not always the first of the grid.
        mixed = [choices[index] for index in rng.permutation(len(choices))]
        return min(mixed, key=lambda cell: distance(self._knobs, params, cell), default=None)

    def _sampler(self, number: int) -> BaseSampler:
        raise NotImplementedError

    def _outcomes(self, story: Story) -> list[Outcome]:
        return outcomes(self._spec, story)

    def _new_study(self, sampler: BaseSampler) -> optuna.Study:
        with quiet():
            return optuna.create_study(sampler=sampler, direction=self._spec.spec.metric.goal)

    def _frozen(self, outcome: Outcome) -> FrozenTrial:
        params, distributions = self._placed(outcome.params)
        return create_trial(
            state=STATES[outcome.fate],
            value=outcome.value,
            params=params,
            distributions=distributions,
            intermediate_values=outcome.curve,
        )

    def _placed(self, params: Params) -> tuple[dict[str, Any], dict[str, BaseDistribution]]:
        placed = list(positions(self._knobs, params))
        distributions = {knob.name: distribution_of(knob) for knob, _ in placed}
        return {knob.name: position for knob, position in placed}, distributions


class TpeSearcher(ModelSearcher):
    """Tree-structured Parzen estimator. Running, waiting and parked trials keep others away from
    where they are (constant liar); pruned ones count as worse than all that finished, the later
    they were pruned the better; what failed it is not told, and draws there again."""

    def _sampler(self, number: int) -> BaseSampler:
        method = self._method
        if not isinstance(method, Tpe):
            raise TypeError(f"TPE got the settings of {method.type}")
        seed = self._seed_of("search", number)
        return TPESampler(
            seed=seed, n_startup_trials=method.n_startup_trials, multivariate=method.multivariate
        )


class GpSearcher(ModelSearcher):
    """Gaussian process with expected improvement. Parameters that are not there in every trial
    are chosen by TPE. Running and waiting trials count as pending. An ask is cubic in the trials:
    measured on two cores, 0.2 s at 200 of them, 1 s at 500, 4 s at 1,000."""

    def _sampler(self, number: int) -> BaseSampler:
        method, seed = self._method, self._seed_of("search", number)
        if not isinstance(method, Gp):
            raise TypeError(f"the Gaussian process got the settings of {method.type}")
        return GPSampler(
            seed=seed,
            n_startup_trials=method.n_startup_trials,
            independent_sampler=TPESampler(seed=seed),
            warn_independent_sampling=False,
        )

    def _outcomes(self, story: Story) -> list[Outcome]:
        return with_stand_ins(super()._outcomes(story), self._spec.spec.metric)


class CmaesSearcher(GpSearcher):
    """CMA-ES over the ordered parameters that are in every trial; TPE chooses the others.

    Its state is made by telling it the trials in the order asked, as if each had ended before the
    next was asked. A configuration that came from an older generation, or from TPE, or was moved
    to its nearest neighbour, is taken in like any other. The replay of 1,000 trials took 0.7 s.
    """

    def study(self, story: Story) -> optuna.Study:
        """The study after the replay; the sampler's own state is in its trials."""
        study = self._new_study(self._sampler(0))
        with quiet():
            for outcome in self._outcomes(story):
                if outcome.fate is Fate.DONE:
                    self._replay(study, outcome)
                else:
                    study.add_trial(self._frozen(outcome))
        # Of the sampler's randomness nothing is in its state, so only the next draw is seeded.
        study.sampler = self._sampler(len(searched(story)))
        return study

    def _replay(self, study: optuna.Study, outcome: Outcome) -> None:
        params, distributions = self._placed(outcome.params)
        study.enqueue_trial(params)
        trial = study.ask(distributions)
        _ = trial.relative_params  # here the sampler counts the trial into its generation
        study.tell(trial, outcome.value)

    def _sampler(self, number: int) -> BaseSampler:
        method, seed = self._method, self._seed_of("search", number)
        if not isinstance(method, Cmaes):
            raise TypeError(f"CMA-ES got the settings of {method.type}")
        always = [k for k in self._knobs if k.when is None and k.kind != "words" and not k.single]
        sampler = _FixedCmaEs(
            seed=seed,
            n_startup_trials=method.n_startup_trials,
            popsize=method.popsize,
            independent_sampler=TPESampler(seed=seed),
            warn_independent_sampling=False,
        )
        sampler.space = {knob.name: distribution_of(knob) for knob in always}
        return sampler


class _FixedCmaEs(CmaEsSampler):  # type: ignore[misc]  # Optuna's types are not followed
    """Searches `space` from the first trial on. Optuna takes what all trials so far have in
    common, and once that shrinks its state fits no more and every draw is random."""

    space: dict[str, BaseDistribution] = {}

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        return self.space
