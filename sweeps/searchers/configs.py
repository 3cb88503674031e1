"""What a user writes under `method:`, one small model per searcher. Light: no rule is imported."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sweeps.wire import Wire


class Grid(Wire):
    """Every cell of a finite space, in the order written."""

    type: Literal["grid"]


class Random(Wire):
    """Independent draws; `budget.trials` says how many."""

    type: Literal["random"]


class Qmc(Wire):
    """A scrambled Sobol sequence (Optuna): spreads evenly, learns nothing. Best balanced when
    `budget.trials` is a power of two."""

    type: Literal["qmc"]


class Tpe(Wire):
    """Tree-structured Parzen estimator (Optuna): for any space, and for many trials at once.

    `n_startup_trials` random trials end before it begins to learn. `multivariate`: parameters are
    chosen together, not one by one.
    """

    type: Literal["tpe"]
    n_startup_trials: int = Field(default=10, ge=1)
    multivariate: bool = True


class Gp(Wire):
    """Gaussian process (Optuna): for few and costly trials, up to some hundred. Asking takes
    longer the more there are.

    `n_startup_trials` random trials end before it begins to learn.
    """

    type: Literal["gp"]
    n_startup_trials: int = Field(default=10, ge=1)


class Cmaes(Wire):
    """CMA-ES (Optuna): for numbers, and for a hundred trials and more. Words it leaves to TPE.

    `n_startup_trials` random trials end before it begins. `popsize`: the trials of one generation,
    by default 4 + 3 ln(number of ordered parameters), rounded down.
    """

    type: Literal["cmaes"]
    n_startup_trials: int = Field(default=1, ge=1)
    popsize: int | None = Field(default=None, ge=4, le=1000)


Method = Annotated[Grid | Random | Qmc | Tpe | Gp | Cmaes, Field(discriminator="type")]
