"""The service itself."""

from __future__ import annotations

from typing import Any

from service.examples.story import AT

_AGENT = {
    **{"name": "a100-box", "device_kind": "cuda", "slots": 8, "recipes": ["sft"]},
    **{"version": "0.1.0", "seen_at": AT.format("40"), "alive": True},
}
ANSWERS: dict[str, Any] = {
    "list_pools": {
        "items": [{"name": "a100", "slots": 8, "agents": [_AGENT], "sweeps": {"RUNNING": 1}}],
        "mlflow_url": "http://mlflow.example:5000",
    },
    "healthz": {"status": "ok", "version": "0.1.0"},
    "readyz": {"status": "ok", "version": "0.1.0"},
}
