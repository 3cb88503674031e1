"""One sweep, told in examples for the API's document: each is what its route takes or answers.

A test reads every one with the model of its route.
"""

from __future__ import annotations

from typing import Any

from service.cost_examples import COST, DISK, FOOTPRINT, LEARNED
from service.pruning_examples import FACTS, HISTORY, PRUNING, SWEEP, VERDICT
from sweeps.spec import parse

TRIAL = "trl_3b0a8d0c4f5e5a1f9c7d2e6b8a4f1c3d"
_FAILED = "trl_9d1e7c5a3b2f5e4d8c6b0a9f7e5d3c1b"
_COMMAND = "cmd_0f9e8d7c6b5a49382716a5b4c3d2e1f0"
_AT = "2026-11-21T09:{}:00Z"
_PARAMS = {"global_batch_size": 3840, "learning_rate": 5e-6, "warmup_steps": 25}
_OTHER = {"global_batch_size": 128, "learning_rate": 2e-5, "warmup_steps": 0}
_METRIC = {"name": "eval_loss", "goal": "minimize"}
SPEC: dict[str, Any] = {
    "apiVersion": "sweeps/v1",
    "kind": "Sweep",
    "metadata": {"name": "granite-3b-recipe", "project": "default", "labels": {"team": "nlp"}},
    "spec": {
        "workload": {
            "recipe": "sft",
            "model": "ibm-granite/granite-3b-base",
            "data": {"train": "data/train.jsonl", "eval": "data/eval.jsonl"},
        },
        "parameters": {
            "global_batch_size": {"values": [128, 3840]},
            "learning_rate": {"values": [5e-6, 2e-5]},
            "warmup_steps": {"values": [0, 25]},
        },
        "method": {"type": "grid"},
        "metric": _METRIC,
        "horizon": {"samples": 200000},
        "pruning": {"type": "median"},
        "resources": {"pool": "a100", "max_parallel": 8},
        "budget": {"trials": 8},
    },
}
# As the service gives it back: with every default.
_STORED = parse(SPEC).dump()
_TRACKING = {
    "experiment_id": "7",
    "run_id": "4f7c2a9be1d84c0f9d3a5b6c7e8f9a0b",
    "url": "http://mlflow.example.com/#/experiments/7/runs",
}


def _sweep(state: str, message: str, **changes: Any) -> dict[str, Any]:
    """A sweep in a list."""
    return {
        "id": SWEEP,
        "name": "granite-3b-recipe",
        "project": "default",
        "labels": {"team": "nlp"},
        "state": state,
        "message": message,
        "pool": "a100",
        "recipe": "sft",
        "metric": _METRIC,
        "trials": {},
        "pending": [],
        "driven": False,
        "slots": 0,
        "revision": 1,
        "priority": 0,
        "max_parallel": 8,
        "budget_trials": 8,
        "tracking": None,
        "created_at": _AT.format("00"),
        "updated_at": _AT.format("00"),
        "started_at": None,
        "ended_at": None,
        **changes,
    }


def _detail(state: str, message: str, **changes: Any) -> dict[str, Any]:
    """A sweep, whole."""
    return {**_sweep(state, message, **changes), "spec": _STORED, "journal_seq": 0, **changes}


_RUNS = {
    "trials": {"DONE": 1, "FAILED": 1, "RUNNING": 6},
    "driven": True,
    "slots": 8,
    "tracking": _TRACKING,
    "updated_at": _AT.format("40"),
    "started_at": _AT.format("01"),
}
_ENDED = {
    **_RUNS,
    "trials": {"DONE": 5, "STOPPED": 2, "FAILED": 1},
    "driven": False,
    "slots": 0,
    "updated_at": _AT.format("55"),
    "ended_at": _AT.format("55"),
    "journal_seq": 212,
}
_DRIVEN = "Driven by agent 'a100-box'."


def _spread(value: float) -> dict[str, float]:
    """A window's signal."""
    ends = {"first": value * 1.04, "last": value * 0.97, "min": value * 0.95, "max": value * 1.06}
    return {"value": value, **ends, "median": value, "mad": value * 0.02}


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
_LINE = {"attempt": 1, "at": _AT.format("30"), "report": _REPORT, "verdict": VERDICT}
_TRIAL = {
    "id": TRIAL,
    "sweep_id": SWEEP,
    "number": 3,
    "role": "search",
    "params": _PARAMS,
    "seed": 0,
    "state": "RUNNING",
    "reason": None,
    "attempts": 1,
    "point": 5,
    "samples": 53760,
    "value": 1.31,
    "loss": 1.25,
    "grad_norm": 0.8,
    "created_at": _AT.format("01"),
    "updated_at": _AT.format("30"),
}
_BROKEN = {
    **_TRIAL,
    **{"id": _FAILED, "number": 4, "params": _OTHER, "state": "FAILED", "attempts": 3},
    **{"reason": "torch.OutOfMemoryError: CUDA out of memory.", "point": None, "samples": 0},
    **{"value": None, "loss": None, "grad_norm": None},
}
_STARTED = {"started_at": _AT.format("01"), "ended_at": None, "ended": None, "samples": 0}
_ENTRIES = [
    {
        "seq": 2,
        "at": _AT.format("01"),
        "body": {"type": "asked", "trial": 0, "params": _PARAMS, "role": "search", "seed": 0},
    },
    {
        "seq": 3,
        "at": _AT.format("01"),
        "body": {"type": "attempt_started", "trial": 0, "attempt": 1},
    },
]
_BEST = {
    **{"trial": 3, "params": _PARAMS, "state": "DONE", "final": 1.12, "stderr": 0.004, "rank": 1},
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
    "metric": _METRIC,
    "counts": {"PENDING": 0, "RUNNING": 0, "PAUSED": 0, "DONE": 1, "STOPPED": 0, "FAILED": 1},
    "best": _BEST,
    **{"no_best_because": None, "ranking": [_BEST], "ranked_by": "eval_loss"},
    **{"unranked": [], "best_so_far": [], "samples_run": 201600, "compute_saved": None},
    "stopped": [
        {
            **{"trial": 4, "params": _OTHER, "state": "FAILED", "reason": "failed"},
            **{"message": _BROKEN["reason"], "point": 0, "samples": 0},
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
_WHY = {
    **{"trial_id": TRIAL, "sweep_id": SWEEP, "number": 3, "state": "RUNNING", "reason": None},
    "message": f"It runs. The latest verdict lets it go on: {VERDICT['message']}",
    **{"verdict": VERDICT, "point": 5, "samples": 53760, "peers": [_FAILED]},
    **{"guard": None, "error": None, "facts": FACTS, "verdicts": [FACTS]},
}
_AGENT = {
    **{"name": "a100-box", "device_kind": "cuda", "slots": 8, "recipes": ["sft"]},
    **{"version": "0.1.0", "seen_at": _AT.format("40"), "alive": True},
}


def _accepted(kind: str, applied: bool, state: str) -> dict[str, Any]:
    return {"id": _COMMAND, "kind": kind, "applied": applied, "state": state}


# By operation id: (name, what it shows, body).
REQUESTS: dict[str, list[tuple[str, str, Any]]] = {
    "create_sweep": [("grid", "a grid of eight, pruned by the median", SPEC)],
    "plan_sweep": [("grid", "a grid of eight", SPEC)],
    "patch_sweep": [
        ("priority", "before others in its pool", {"priority": 50}),
        ("unlimited", "as many at once as there are slots", {"max_parallel": None}),
        (
            "more",
            "twice as many trials, four at once",
            {"max_parallel": 4, "budget": {"trials": 16}},
        ),
    ],
    "claim_sweep": [
        (
            "offer",
            "eight GPUs that run the built-in recipe",
            {
                "agent": "a100-box",
                "pool": "a100",
                "device_kind": "cuda",
                "slots": 8,
                "recipes": ["sft"],
            },
        )
    ],
    "renew_lease": [("links", "with MLflow's links", {"token": 1, "tracking": _TRACKING})],
    "append_journal": [("asked", "a trial begins", {"token": 1, "entries": _ENTRIES})],
    "finish_sweep": [
        ("done", "every trial has ended", {"token": 1, "state": "DONE", "message": "Use trial 3."})
    ],
}
# By operation id, the answer that a request like the examples gets.
ANSWERS: dict[str, Any] = {
    "create_sweep": _detail(
        "QUEUED", "It waits for its turn: an agent of pool 'a100' will claim it."
    ),
    "list_sweeps": {"items": [_sweep("RUNNING", _DRIVEN, **_RUNS)], "next_cursor": None},
    "plan_sweep": _PLAN,
    "get_sweep": _detail("RUNNING", _DRIVEN, **_RUNS, journal_seq=84),
    "patch_sweep": _detail("RUNNING", _DRIVEN, **_RUNS, journal_seq=84, revision=2, priority=50),
    "get_result": _RESULT,
    "report_pruning": HISTORY,
    "pause_sweep": _accepted("pause", False, "RUNNING"),
    "resume_sweep": _accepted("resume", True, "QUEUED"),
    "cancel_sweep": _accepted("cancel", False, "STOPPING"),
    "retry_sweep": {**_accepted("retry_sweep", False, "QUEUED"), "trials": [4]},
    "list_trials": {"items": [_TRIAL, _BROKEN], "next_cursor": None},
    "list_reports": {"items": [{**_LINE, "trial_id": TRIAL, "number": 3}], "next_cursor": None},
    "get_trial": {
        **_TRIAL,
        "history": [{"number": 1, **_STARTED, "seconds": 0.0, "error": None}],
        "reports": [_LINE],
    },
    "explain_trial": _WHY,
    "stop_trial": _accepted("stop_trial", False, "RUNNING"),
    "retry_trial": _accepted("retry_trial", False, "RUNNING"),
    "claim_sweep": {
        **{"sweep": SWEEP, "spec": _STORED, "state": "RUNNING", "token": 1, "slots": 8},
        **{"max_parallel": 8, "expires_in": 30.0, "renew_every": 5.0},
        **{"commands": [], "tracking": None},
    },
    "renew_lease": {
        **{"slots": 8, "max_parallel": 4, "expires_in": 30.0, "renew_every": 5.0},
        "commands": [{"id": _COMMAND, "kind": "set_budget", "trial": None, "trials": 16}],
    },
    "read_journal": {"entries": _ENTRIES, "last_seq": 3},
    "append_journal": {"seq": 3},
    "read_past": {
        "items": [
            {
                "sweep": SWEEP,
                "higher": False,
                "trials": [
                    {
                        "params": _PARAMS,
                        "final": 1.12,
                        "points": [
                            {
                                **{"share": 0.25, "samples": 2560, "loss": 1.25},
                                **{"grad_norm": 0.8, "metric": 1.31},
                            }
                        ],
                    }
                ],
            }
        ]
    },
    "read_costs": {"items": [COST]},
    "finish_sweep": _detail("DONE", "Use trial 3.", **_ENDED),
    "list_pools": {
        "items": [{"name": "a100", "slots": 8, "agents": [_AGENT], "sweeps": {"RUNNING": 1}}],
        "mlflow_url": "http://mlflow.example:5000",
    },
    "healthz": {"status": "ok", "version": "0.1.0"},
    "readyz": {"status": "ok", "version": "0.1.0"},
}
