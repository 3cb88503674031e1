"""The one sweep of all examples: its names, its times, its two configurations."""

from __future__ import annotations

from typing import Any

# By operation id: (name, what it shows, body).
Requests = dict[str, list[tuple[str, str, Any]]]

SWEEP = "swp_6f0c1e0a9d5b4c3e8f7a2b1d0c9e8f7a"
TRIAL = "trl_3b0a8d0c4f5e5a1f9c7d2e6b8a4f1c3d"
FAILED = "trl_9d1e7c5a3b2f5e4d8c6b0a9f7e5d3c1b"
COMMAND = "cmd_0f9e8d7c6b5a49382716a5b4c3d2e1f0"
AT = "2026-11-21T09:{}:00Z"
PARAMS = {"global_batch_size": 3840, "learning_rate": 5e-6, "warmup_steps": 25}
OTHER = {"global_batch_size": 128, "learning_rate": 2e-5, "warmup_steps": 0}
METRIC = {"name": "eval_loss", "goal": "minimize"}
