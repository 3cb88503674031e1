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
    """Successive halving by promotion: losers are parked and revived when others disappoint.

    Of the trials that reach a rung, 1 in `eta` goes on. Rung r lies at the share
    `grace` x eta^r of the horizon, or where the metric is next measured after it.
    """

    type: Literal["halving"]
    eta: int = Field(default=3, ge=2)
    grace: float = Field(default=0.1, gt=0, lt=1)

    def rungs(self, points: int) -> list[int]:
        """The decision points of the rungs, rising: round(grace x points x eta^r), at least 1,
        below `points`."""
        found, share = list[int](), self.grace * points
        while round(share) < points:
            mark = max(1, round(share))
            found += [mark] if mark < points and mark not in found else []
            share *= self.eta
        return found


class Recipe(Wire):
    """The rule of arXiv 2412.13337: low early gradient norm and high early loss are better.

    At the share `at` of the horizon, or at a trial's first decision point past its own warmup when
    that comes later, the better `keep` of those of equal global batch go on; the rest is parked.
    """

    type: Literal["recipe"]
    keep: float = Field(default=0.5, gt=0, lt=1)
    at: float = Field(default=0.1, gt=0, lt=1)

    def rungs(self, points: int) -> list[int]:
        """The one decision point, round(at x points) and at least 1; empty when it is the last."""
        mark = max(1, round(self.at * points))
        return [mark] if mark < points else []


class Watch(Wire):
    """An evaluation metric that is looked at along the way, and which way is better."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_./ -]{0,200}$")]
    goal: Literal["minimize", "maximize"]


class EarlyDynamics(Wire):
    """Learns from the sweep which early signals foretell the end; prunes to a stated risk.

    Every trial runs to the first rung, then the most promising ones run to their end, and the rest
    stays parked once the estimated chance that one of them beats the best by more than `tolerance`
    (a share of the distance from the best final to the median) is small enough for `risk`. `risk`
    is an estimate, not a promise. Of the trials that would be stopped the share `audit` runs on, to
    measure how many were stopped wrongly. `watch` is the evaluation metric to look at along the
    way; left out, the sweep's own metric, or `eval_loss` where that is measured at the end alone.
    `signals` may be looked at; `grad_norm` is where there is no metric.
    `history`: learn from finished sweeps of the same family too, those in which nothing was pruned.
    """

    type: Literal["early_dynamics"]
    risk: float = Field(default=0.1, gt=0, lt=1)
    audit: float = Field(default=0.05, ge=0, le=1)
    tolerance: float = Field(default=0.02, ge=0, lt=1)
    watch: Watch | None = None
    signals: list[Literal["metric", "loss", "grad_norm"]] = Field(
        default=["metric", "loss", "grad_norm"], min_length=1, max_length=3
    )
    history: bool = False


Pruning = Annotated[Never | Median | Halving | Recipe | EarlyDynamics, Field(discriminator="type")]
