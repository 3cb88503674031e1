"""What pruning did, in examples for the API's document."""

from __future__ import annotations

from typing import Any

SWEEP = "swp_6f0c1e0a9d5b4c3e8f7a2b1d0c9e8f7a"
VERDICT: dict[str, Any] = {
    "action": "continue",
    "reason": "median",
    "message": "Its eval_loss of 1.31 is no worse than the median of 3 peers, 1.34.",
    "evidence": {"signal": "eval_loss", "value": 1.31, "cutoff": 1.34, "peers": [0, 1, 2]},
    "audit": False,
}
FACTS: dict[str, Any] = {
    **{name: VERDICT[name] for name in ("action", "reason", "message", "audit")},
    **{"point": 5, "samples": 53760, "signal": "eval_loss", "value": 1.31, "cutoff": 1.34},
    **{"peers": [0, 1, 2], "peer_count": 3, "probability": None, "miss_risk": None},
    **{"stated_risk": None, "ranks": {}, "more": {}},
}
PRUNING: dict[str, Any] = {
    **{"condemned": 5, "audited": 2, "finished": 2, "false_kills": 0, "rate": 0.0, "low": 0.0},
    **{"high": 0.6576, "estimate": 0.04, "expected": 0.0135, "agreement": 0.71},
    **{"pruner": "early_dynamics", "trials": 8, "stated_risk": 0.1, "tolerance": 0.02},
    **{"compute_saved": 0.46, "condemned_best": None, "blind": False, "calibration": "within"},
    "sentence": "`early_dynamics` condemned 5 of 8 trials, saving 46 % of the compute.",
}
_POOLED = {
    **{"sweeps": 1, "finished": 2, "false_kills": 0, "mean_estimate": 0.04, "expected": 0.0135},
    **{"rate": 0.0, "low": 0.0, "high": 0.6576, "calibration": "within"},
    "sentence": "In 1 sweep 0 of 2 audits would have been a false kill.",
}
HISTORY: dict[str, Any] = {
    "items": [
        {
            **{"sweep_id": SWEEP, "name": "granite-3b-recipe", "project": "default"},
            **{"ended_at": "2026-11-21T09:55:00Z", "report": PRUNING},
        }
    ],
    "pooled": _POOLED,
}
