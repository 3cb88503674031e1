from __future__ import annotations

from typing import Any

import pytest
from stories import make_spec

from sweeps.cost_key import cost_key
from sweeps.cost_model import Measurement
from sweeps.disk import most_checkpoints
from sweeps.extras import extras
from sweeps.planning import plan

ONE = {"max_parallel": 1}
NO_ROWS = {"base": False, "preset": None}
DROP = {"name": "eval_loss", "goal": "minimize", "max_drop": {"eval_old_loss": 0.1}}


@pytest.mark.parametrize(
    ("changes", "of_trials"),
    [
        ({"pruning": {"type": "median"}}, 10),
        # One runs, one is the best so far.
        ({"resources": ONE}, 2),
        ({"resources": ONE, "checkpoints": {"keep_best": 3}}, 4),
        ({"resources": {}}, 10),
        # The base row may be the last to end: till then nobody knows who breaks a limit.
        ({"resources": ONE, "metric": DROP}, 10),
        ({"resources": ONE, "metric": DROP, "checkpoints": {"keep_best": 0}}, 1),
        # Three finalists and the best beside one search run, and one confirmation run.
        ({"resources": ONE, "confirm": {"top": 3, "seeds": 2}}, 6),
        ({"resources": ONE, "parameters": {"seed": {"values": [1, 2]}}}, 10),
        # Runs of two finalists on three seeds, all at once.
        ({"pruning": {"type": "median"}, "confirm": {"top": 2, "seeds": 3}}, 16),
    ],
)
def test_the_most_checkpoints_of_ten_trials(changes: dict[str, Any], of_trials: int) -> None:
    """Two of each trial, and one of each shared beginning."""
    given = {"pruning": {"type": "never"}, "baselines": NO_ROWS, **changes}
    spec = make_spec(**given)
    extra = extras(spec, 10, [{}], 100, [])
    assert most_checkpoints(spec, 10, 0, extra) == 2 * of_trials
    assert most_checkpoints(spec, 10, 7, extra) == 2 * of_trials + 7


def test_a_plan_counts_the_beginnings_that_trials_share() -> None:
    """Four trials in two phases; they begin in one way, and part in the second."""
    phases = [{"data": "a.jsonl", "samples": 40}, {"data": "b.jsonl"}]
    work = {"model": {"tiny": "llama"}, "data": {"eval": "e"}, "strategy": {"phased": phases}}
    axes = {
        "global_batch_size": {"value": 10},
        "learning_rate": {"value": 1.0},
        "phase2_learning_rate": {"values": [0.1, 0.2, 0.3, 0.4]},
    }
    given = {"workload": work, "parameters": axes, "baselines": NO_ROWS}
    spec = make_spec(**given, pruning={"type": "median"})
    key = cost_key(spec.spec.workload, {}, "gpu")
    found = plan(spec, costs=[Measurement(key=key, checkpoint_bytes=100)])
    assert found.shared_samples > 0
    assert found.disk_bytes == (4 * 2 + 1) * 100
