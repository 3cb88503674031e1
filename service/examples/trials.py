"""Two trials: one that runs, with its report and the verdict on it, and one that broke."""

from __future__ import annotations

from typing import Any

from service.examples.costs import FOOTPRINT
from service.examples.story import AT, FAILED, OTHER, PARAMS, SWEEP, TRIAL


def _spread(value: float) -> dict[str, float]:
    """A window's signal."""
    ends = {"first": value * 1.04, "last": value * 0.97, "min": value * 0.95, "max": value * 1.06}
    return {"value": value, **ends, "median": value, "mad": value * 0.02}


_VERDICT: dict[str, Any] = {
    "action": "continue",
    "reason": "median",
    "message": "Its eval_loss of 1.31 is no worse than the median of 3 peers, 1.34.",
    "evidence": {"signal": "eval_loss", "value": 1.31, "cutoff": 1.34, "peers": [0, 1, 2]},
    "audit": False,
}
_FACTS: dict[str, Any] = {
    **{name: _VERDICT[name] for name in ("action", "reason", "message", "audit")},
    **{"point": 5, "samples": 53760, "signal": "eval_loss", "value": 1.31, "cutoff": 1.34},
    **{"peers": [0, 1, 2], "peer_count": 3, "probability": None, "miss_risk": None},
    **{"stated_risk": None, "ranks": {}, "more": {}},
}
_REPORT = {
    "point": 5,
    "samples": 53760,
    "step": 14,
    "window": {
        "steps": 3,
        "loss": _spread(1.25),
        "grad_norm": _spread(0.8),
        "spikes": 0,
        "non_finite": 0,
        "unchanged": 0,
        "learning_rate": 5e-6,
        "tokens": 2949120,
        "tokens_per_second": 21500.0,
        "peak_memory_bytes": 61203283968,
    },
    "metrics": {"eval_loss": 1.31},
    "guard": None,
    "footprint": FOOTPRINT,
}
_LINE = {"attempt": 1, "at": AT.format("30"), "report": _REPORT, "verdict": _VERDICT}
_TRIAL = {
    "id": TRIAL,
    "sweep_id": SWEEP,
    "number": 3,
    "role": "search",
    "params": PARAMS,
    "seed": 0,
    "state": "RUNNING",
    "reason": None,
    "attempts": 1,
    "point": 5,
    "samples": 53760,
    "value": 1.31,
    "loss": 1.25,
    "grad_norm": 0.8,
    "created_at": AT.format("01"),
    "updated_at": AT.format("30"),
}
BROKEN = {
    **_TRIAL,
    **{"id": FAILED, "number": 4, "params": OTHER, "state": "FAILED", "attempts": 3},
    **{"reason": "torch.OutOfMemoryError: CUDA out of memory.", "point": None, "samples": 0},
    **{"value": None, "loss": None, "grad_norm": None},
}
_STARTED = {"started_at": AT.format("01"), "ended_at": None, "ended": None, "samples": 0}
_WHY = {
    **{"trial_id": TRIAL, "sweep_id": SWEEP, "number": 3, "state": "RUNNING", "reason": None},
    "message": f"It runs. The latest verdict lets it go on: {_VERDICT['message']}",
    **{"verdict": _VERDICT, "point": 5, "samples": 53760, "peers": [FAILED]},
    **{"guard": None, "error": None, "facts": _FACTS, "verdicts": [_FACTS]},
}
ANSWERS: dict[str, Any] = {
    "list_trials": {"items": [_TRIAL, BROKEN], "next_cursor": None},
    "list_reports": {"items": [{**_LINE, "trial_id": TRIAL, "number": 3}], "next_cursor": None},
    "get_trial": {
        **_TRIAL,
        "history": [{"number": 1, **_STARTED, "seconds": 0.0, "error": None}],
        "reports": [_LINE],
    },
    "explain_trial": _WHY,
}
