"""What an agent and a driver say and hear."""

from __future__ import annotations

from typing import Any

from service.examples.story import AT, COMMAND, PARAMS, SWEEP, Requests
from service.examples.sweeps import ENDED, STORED, TRACKING, detail

_ENTRIES = [
    {
        "seq": 2,
        "at": AT.format("01"),
        "body": {"type": "asked", "trial": 0, "params": PARAMS, "role": "search", "seed": 0},
    },
    {
        "seq": 3,
        "at": AT.format("01"),
        "body": {"type": "attempt_started", "trial": 0, "attempt": 1},
    },
]
REQUESTS: Requests = {
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
    "renew_lease": [("links", "with MLflow's links", {"token": 1, "tracking": TRACKING})],
    "append_journal": [("asked", "a trial begins", {"token": 1, "entries": _ENTRIES})],
    "finish_sweep": [
        ("done", "every trial has ended", {"token": 1, "state": "DONE", "message": "Use trial 3."})
    ],
}
ANSWERS: dict[str, Any] = {
    "claim_sweep": {
        **{"sweep": SWEEP, "spec": STORED, "state": "RUNNING", "token": 1, "slots": 8},
        **{"max_parallel": 8, "expires_in": 30.0, "renew_every": 5.0},
        **{"commands": [], "tracking": None},
    },
    "renew_lease": {
        **{"slots": 8, "max_parallel": 4, "expires_in": 30.0, "renew_every": 5.0},
        "commands": [{"id": COMMAND, "kind": "set_budget", "trial": None, "trials": 16}],
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
                        "params": PARAMS,
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
    "finish_sweep": detail("DONE", "Use trial 3.", **ENDED),
}
