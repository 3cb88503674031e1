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
    """A scrambled Sobol sequence (Optuna)."""

    type: Literal["qmc"]


class Tpe(Wire):
    """Tree-structured Parzen estimator (Optuna)."""

    type: Literal["tpe"]
    n_startup_trials: int = Field(default=10, ge=1)


class Gp(Wire):
    """Gaussian process (Optuna)."""

    type: Literal["gp"]
    n_startup_trials: int = Field(default=10, ge=1)


class Cmaes(Wire):
    """CMA-ES (Optuna)."""

    type: Literal["cmaes"]
    n_startup_trials: int = Field(default=1, ge=1)


Method = Annotated[Grid | Random | Qmc | Tpe | Gp | Cmaes, Field(discriminator="type")]
