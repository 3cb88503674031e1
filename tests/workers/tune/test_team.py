"""Two ranks on a real Ray: warm between trials, and a dead one costs one attempt."""

from __future__ import annotations

from pathlib import Path

import pytest
from ray.util import placement_group_table

from tests.workers.tune.test_ranks import Pair, toy
from tests.workers.tune.test_run import Bench, joined
from workers.ray_head import RayHead

__all__ = ["joined"]
pytestmark = pytest.mark.xdist_group("ray")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_killed_rank_costs_one_attempt_and_the_set_is_replaced(
    joined: RayHead, tmp_path: Path
) -> None:
    alone = Bench(tmp_path / "one", toy(tmp_path / "one"))
    alone.run()
    # The second trial's rank 1 is killed after its 9th step, between two decision points.
    bench = Pair(tmp_path / "two", toy(tmp_path / "two", kill_at=9, rank=1, raise_rate=0.2))
    bench.run()
    assert bench.states() == ["DONE"] * 4
    assert bench.ends() == [["finished"], ["lost", "finished"], ["finished"], ["finished"]]
    error = str(bench.book.story.trials[1].attempts[0].error)
    assert "Rank 1 of the trial's 2 (process" in error
    assert "is gone" in error
    assert bench.reports() == alone.reports()
    # Two ranks each: one pair until one of them died, another for all that came after.
    pids = (tmp_path / "two" / "pids").read_text().split()
    assert (len(pids), len(set(pids))) == (2 * 5, 2 * 2)
    left = [group for group in placement_group_table().values() if group["state"] != "REMOVED"]
    assert left == []
