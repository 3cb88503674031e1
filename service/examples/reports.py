"""What pruning did to the sweep."""

from __future__ import annotations

from typing import Any

from service.examples.story import SWEEP

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
_HISTORY: dict[str, Any] = {
    "items": [
        {
            **{"sweep_id": SWEEP, "name": "granite-3b-recipe", "project": "default"},
            **{"ended_at": "2026-11-21T09:55:00Z", "report": PRUNING},
        }
    ],
    "pooled": _POOLED,
}
ANSWERS: dict[str, Any] = {
    "report_pruning": _HISTORY,
}
