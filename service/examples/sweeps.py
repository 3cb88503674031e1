"""A sweep as it is asked for, as it runs, and as it is changed."""

from __future__ import annotations

from typing import Any

from service.examples.story import AT, METRIC, SWEEP, Requests
from sweeps.spec import parse

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
        "metric": METRIC,
        "horizon": {"samples": 200000},
        "pruning": {"type": "median"},
        "resources": {"pool": "a100", "max_parallel": 8},
        "budget": {"trials": 8},
    },
}
# As the service gives it back: with every default.
STORED = parse(SPEC).dump()
TRACKING = {
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
        "metric": METRIC,
        "trials": {},
        "pending": [],
        "driven": False,
        "slots": 0,
        "revision": 1,
        "priority": 0,
        "max_parallel": 8,
        "budget_trials": 8,
        "tracking": None,
        "created_at": AT.format("00"),
        "updated_at": AT.format("00"),
        "started_at": None,
        "ended_at": None,
        **changes,
    }


def detail(state: str, message: str, **changes: Any) -> dict[str, Any]:
    """A sweep, whole."""
    return {**_sweep(state, message, **changes), "spec": STORED, "journal_seq": 0, **changes}


_RUNS = {
    "trials": {"DONE": 1, "FAILED": 1, "RUNNING": 6},
    "driven": True,
    "slots": 8,
    "tracking": TRACKING,
    "updated_at": AT.format("40"),
    "started_at": AT.format("01"),
}
ENDED = {
    **_RUNS,
    "trials": {"DONE": 5, "STOPPED": 2, "FAILED": 1},
    "driven": False,
    "slots": 0,
    "updated_at": AT.format("55"),
    "ended_at": AT.format("55"),
    "journal_seq": 212,
}
_DRIVEN = "Driven by agent 'a100-box'."
REQUESTS: Requests = {
    "create_sweep": [("grid", "a grid of eight, pruned by the median", SPEC)],
    "patch_sweep": [
        ("priority", "before others in its pool", {"priority": 50}),
        ("unlimited", "as many at once as there are slots", {"max_parallel": None}),
        (
            "more",
            "twice as many trials, four at once",
            {"max_parallel": 4, "budget": {"trials": 16}},
        ),
    ],
}
ANSWERS: dict[str, Any] = {
    "create_sweep": detail(
        "QUEUED", "It waits for its turn: an agent of pool 'a100' will claim it."
    ),
    "list_sweeps": {"items": [_sweep("RUNNING", _DRIVEN, **_RUNS)], "next_cursor": None},
    "get_sweep": detail("RUNNING", _DRIVEN, **_RUNS, journal_seq=84),
    "patch_sweep": detail("RUNNING", _DRIVEN, **_RUNS, journal_seq=84, revision=2, priority=50),
}
