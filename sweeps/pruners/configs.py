"""What a user writes under `pruning:`, one small model per pruner. Light: no rule is imported."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sweeps.wire import Wire


class Never(Wire):
    """No pruning. The guards still end runs that are broken (non-finite, dead, diverged)."""

    type: Literal["never"]


class Median(Wire):
    """Stop a trial whose best metric so far is worse than the median of its cohort at that point.

    `min_peers`: how many other trials must have reported the point. `grace`: the share of the
    horizon before which nothing is judged.
    """

    type: Literal["median"]
    min_peers: int = Field(default=3, ge=3)
    grace: float = Field(default=0.1, ge=0, lt=1)


class Halving(Wire):
    """Successive halving by promotion: losers are parked and revived when others disappoint."""

    type: Literal["halving"]
    eta: int = Field(default=3, ge=2)


class Recipe(Wire):
    """The rule of arXiv 2412.13337: low early gradient norm and high early loss are better."""

    type: Literal["recipe"]
    keep: float = Field(default=0.5, gt=0, lt=1)


class EarlyDynamics(Wire):
    """Learns from the sweep which early signals foretell the end; prunes to a stated risk."""

    type: Literal["early_dynamics"]
    risk: float = Field(default=0.1, gt=0, lt=1)
    audit: float = Field(default=0.05, ge=0, le=1)


Pruning = Annotated[Never | Median | Halving | Recipe | EarlyDynamics, Field(discriminator="type")]
