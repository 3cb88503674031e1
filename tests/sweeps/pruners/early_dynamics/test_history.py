from __future__ import annotations

import math
from typing import Any

from sweeps.pruners.early_dynamics.history import updated
from sweeps.pruners.early_dynamics.prior import Weights

PRIOR = Weights(signals=["metric"], mean=[0.4], spread=[[0.1]], noise=0.3)


def sweep(sign: int, trials: int = 12, share: float = 0.05) -> dict[str, Any]:
    """The metric at 5 % foretells the final (sign 1) or its opposite (sign -1)."""
    rows = [
        {"params": {}, "final": float(n), "points": [{"share": share, "metric": float(sign * n)}]}
        for n in range(trials)
    ]
    return {"sweep": "swp_1", "trials": rows}


def test_past_sweeps_move_the_weights_and_make_them_surer() -> None:
    for higher in (True, False):
        same, other = updated(PRIOR, [sweep(1)], higher), updated(PRIOR, [sweep(-1)], higher)
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
