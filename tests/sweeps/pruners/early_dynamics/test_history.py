from __future__ import annotations

import math
from typing import Any

from sweeps.pruners.early_dynamics.history import updated
from sweeps.pruners.early_dynamics.prior import Weights

PRIOR = Weights(signals=["metric"], mean=[0.4], spread=[[0.1]], noise=0.3)


def sweep(
    sign: int, trials: int = 12, share: float = 0.05, higher: bool = False, **params: Any
) -> dict[str, Any]:
    """The metric at 5 % foretells the final (sign 1) or its opposite (sign -1)."""
    rows = [
        {
            "params": params or {},
            "final": float(n),
            "points": [{"share": share, "samples": 100, "metric": float(sign * n)}],
        }
        for n in range(trials)
    ]
    return {"sweep": "swp_1", "higher": higher, "trials": rows}


def test_past_sweeps_move_the_weights_and_make_them_surer() -> None:
    for higher in (True, False):
        agreeing, opposed = sweep(1, higher=higher), sweep(-1, higher=higher)
        same, other = updated(PRIOR, [agreeing], higher), updated(PRIOR, [opposed], higher)
        assert same.mean[0] > PRIOR.mean[0] > other.mean[0]
        assert same.spread[0][0] < PRIOR.spread[0][0]


def test_more_sweeps_move_them_further() -> None:
    once, thrice = updated(PRIOR, [sweep(1)], False), updated(PRIOR, [sweep(1)] * 3, False)
    assert thrice.mean[0] > once.mean[0]


def test_what_says_nothing_changes_nothing() -> None:
    late, few, bare = sweep(1, share=0.9), sweep(1, trials=3), {"sweep": "x", "trials": []}
    broken = {"sweep": "y", "trials": [{"final": math.nan, "points": []}] * 8}
    found = updated(PRIOR, [late, few, bare, broken], False)
    assert found.mean == [float(PRIOR.mean[0])] or abs(found.mean[0] - PRIOR.mean[0]) < 1e-9


def test_the_metric_along_the_way_has_a_goal_of_its_own() -> None:
    """An accuracy as the final, a loss along the way: where the one rises the other falls."""
    known = updated(PRIOR, [sweep(-1, higher=False)], higher=True)
    assert known.mean[0] > PRIOR.mean[0]


def test_points_within_the_warmup_are_not_looked_at() -> None:
    warm, cold = sweep(1, warmup_ratio=0.04), sweep(1, warmup_ratio=0.2)
    assert updated(PRIOR, [warm], False).mean[0] > PRIOR.mean[0]
    assert abs(updated(PRIOR, [cold], False).mean[0] - PRIOR.mean[0]) < 1e-9


def test_schedules_are_not_ranked_together() -> None:
    """Within each the metric foretells the final, between them it misleads."""
    low, high = sweep(1, lr_scheduler_type="cosine"), sweep(1, lr_scheduler_type="linear")
    for trial in high["trials"]:
        trial["points"][0]["metric"] -= 100.0
        trial["final"] += 100.0
    both = {**low, "trials": [*low["trials"], *high["trials"]]}
    apart, mixed = updated(PRIOR, [low, high], False), updated(PRIOR, [both], False)
    assert mixed.mean == apart.mean


def test_a_parameter_of_another_recipe_called_strategy_divides_no_cohort() -> None:
    low, high = sweep(1, strategy="a"), sweep(1, strategy="b")
    for trial in high["trials"]:
        trial["points"][0]["metric"] -= 100.0
        trial["final"] += 100.0
    both = {**low, "trials": [*low["trials"], *high["trials"]]}
    apart = updated(PRIOR, [low, high], False)
    assert updated(PRIOR, [both], False).mean == apart.mean
    assert updated(PRIOR, [both], False, "mine").mean != apart.mean


def test_norms_of_different_batches_teach_nothing() -> None:
    prior = Weights(signals=["grad_norm"], mean=[0.0], spread=[[0.1]], noise=0.3)
    rows = [
        {
            "params": {"global_batch_size": batch},
            "final": float(n),
            "points": [{"share": 0.1, "samples": 640, "grad_norm": float(n)}],
        }
        for n, batch in enumerate([8, 16] * 6)
    ]
    told = {"sweep": "swp_1", "higher": False, "trials": rows}
    assert abs(updated(prior, [told], False).mean[0]) < 1e-9
    for row in rows:
        row["params"] = {"global_batch_size": 8}
    assert updated(prior, [told], False).mean[0] > 0.1
