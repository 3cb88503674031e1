from __future__ import annotations

import pytest

from tests.workers.tune.test_run import joined
from workers.ray_head import RayHead
from workers.tune.bundles import WATCHER_CPUS, rank_bundles
from workers.tune.run import largest_node

__all__ = ["joined"]
pytestmark = pytest.mark.xdist_group("ray")


def test_a_trial_takes_one_node(joined: RayHead) -> None:
    factory = rank_bundles({"cpu": 8, "gpu": 4}, 4)
    rank, watcher = {"CPU": 2.0, "GPU": 1.0}, {"CPU": WATCHER_CPUS}
    assert factory.bundles == [watcher, {**rank, "CPU": 1.99}, *[rank] * 3]
    assert factory.strategy == "STRICT_PACK"
    assert largest_node() == {"CPU": 4.0, "GPU": 0.0}


@pytest.mark.parametrize(("cpus", "ranks"), [(2, 2), (8, 3), (0.1, 4), (0.02, 2), (64, 8)])
def test_a_trial_asks_for_no_more_than_was_checked(cpus: float, ranks: int) -> None:
    """All cores of a node can be asked for: Ray's own sum of the bundles, in its steps of 1e-4,
    fits in what one node has, and wastes next to nothing."""
    bundles = rank_bundles({"cpu": cpus, "gpu": 0}, ranks).bundles
    steps = [round(bundle["CPU"] * 10_000, 6) for bundle in bundles]
    assert all(step == int(step) > 0 for step in steps)
    assert cpus * 10_000 - ranks <= sum(steps) <= cpus * 10_000
