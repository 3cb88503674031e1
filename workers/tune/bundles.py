"""What a trial of several ranks asks Ray for."""

from __future__ import annotations

import math
from collections.abc import Mapping

from ray import tune

# What the process that only watches takes of the first rank's cores: Ray wants a share for every
# bundle, and a trial may ask for all that a node has.
WATCHER_CPUS = 0.01
# Ray counts in steps of so many to a core.
_STEPS = 10_000


def rank_bundles(resources: Mapping[str, float], ranks: int) -> tune.PlacementGroupFactory:
    """The placement group of a trial: the watcher, then a bundle a rank, all on one node.

    `resources` are those of the whole trial ({"cpu": 8, "gpu": 4}), some CPU among them; the
    bundles never ask for more.
    """
    share = {kind.upper(): _even(amount, ranks) for kind, amount in resources.items() if amount}
    watcher = min(WATCHER_CPUS, _even(share["CPU"], 2))
    first = {**share, "CPU": round(share["CPU"] - watcher, 4)}
    bundles = [{"CPU": watcher}, first, *[share] * (ranks - 1)]
    return tune.PlacementGroupFactory(bundles, strategy="STRICT_PACK")


def _even(amount: float, parts: int) -> float:
    """`amount` in equal parts of whole steps, which sum up to no more than it."""
    return math.floor(round(amount / parts * _STEPS, 3)) / _STEPS
