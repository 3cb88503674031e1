"""What a spec would run, and what came of it."""

from __future__ import annotations

from typing import Any

from service.examples.costs import DISK, LEARNED
from service.examples.reports import PRUNING
from service.examples.story import METRIC, OTHER, PARAMS, Requests
from service.examples.sweeps import SPEC
from service.examples.trials import BROKEN

_BEST = {
    **{"trial": 3, "params": PARAMS, "state": "DONE", "final": 1.12, "stderr": 0.004, "rank": 1},
    **{"samples": 201600, "seconds": 2480.0, "mean": 1.12, "error": 0.004, "runs": 1},
    **{"basis": "single", "confirmed": [], "broken": 0},
}
_PLAN = {
    **{"method": "grid", "raw_cells": 8, "excluded": 0, "cells": 8, "trials": 8},
    **{"refused_count": 0, "refused": [], "horizon_samples": 200000, "total_samples": 1614336},
    **{"steps_min": 53, "steps_max": 1563, "trial_hours": None, "gpu_hours": None},
    "measured": 0,
    "notes": ["Time is unknown: no trial of this workload was measured in this pool yet."],
    "extra": [
        {
            **{"role": "base", "runs": 1, "samples": 0, "trial_hours": None, "gpu_hours": None},
            "what": "the base model, evaluated without training",
        }
    ],
    **{"shared_samples": 0, "hours_deviation": None, "learned": LEARNED, "disk_bytes": DISK},
}
_RESULT = {
    "metric": METRIC,
    "counts": {"PENDING": 0, "RUNNING": 0, "PAUSED": 0, "DONE": 1, "STOPPED": 0, "FAILED": 1},
    "best": _BEST,
    **{"no_best_because": None, "ranking": [_BEST], "ranked_by": "eval_loss"},
    **{"unranked": [], "best_so_far": [], "samples_run": 201600, "compute_saved": None},
    "stopped": [
        {
            **{"trial": 4, "params": OTHER, "state": "FAILED", "reason": "failed"},
            **{"message": BROKEN["reason"], "point": 0, "samples": 0},
        }
    ],
    "recommendation": "Use trial 3: eval_loss 1.12.",
    "notes": [],
    "pruning": PRUNING,
    **{"winner": None, "recommended": 3, "rate": 0.05, "samples_beside": {"base": 0}},
    "beside": [
        {
            **{"trial": 0, "role": "base", "params": {}, "seed": 0, "state": "DONE"},
            **{"final": 2.31, "stderr": 0.006, "difference": 1.19, "of": None},
            **{"samples": 0, "seconds": 41.0, "message": ""},
        }
    ],
}
REQUESTS: Requests = {
    "plan_sweep": [("grid", "a grid of eight", SPEC)],
}
ANSWERS: dict[str, Any] = {
    "plan_sweep": _PLAN,
    "get_result": _RESULT,
}
