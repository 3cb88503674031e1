"""What trials take of their devices."""

from __future__ import annotations

from typing import Any

_DEVICE = "NVIDIA H100 80GB HBM3"
FOOTPRINT: dict[str, Any] = {
    "device": _DEVICE,
    "device_memory_bytes": 85045690368,
    "micro_batch_tokens": 16384,
    "checkpoint_bytes": 14394851328,
}
_COST: dict[str, Any] = {
    "key": {
        **{"model": "3f" * 32, "max_length": 2048, "adapter": "full", "setup": "a4" * 32},
        "device": _DEVICE,
    },
    "micro_batch_tokens": 16384,
    "peak_memory_bytes": 61203283968,
    "device_memory_bytes": 85045690368,
    "checkpoint_bytes": 14394851328,
    "tokens_per_second": 21500.0,
}
# Of a plan: what these trials say.
LEARNED: dict[str, Any] = {
    **{"trials": 12, "device": _DEVICE, "device_memory_bytes": 85045690368},
    "checkpoint_bytes": 14394851328,
    "tokens_per_second": {"low": 20900.0, "middle": 21500.0, "high": 21900.0},
    "speed_deviation": {"median": 0.03, "n": 12},
    "peak_memory_bytes": {"low": 5.8e10, "middle": 6.1e10, "high": 6.4e10},
    "memory_deviation": {"median": 0.02, "n": 12},
    **{"first_micro_batch": 9, "trials_per_device": 1},
}
DISK = 8 * 2 * 14394851328
ANSWERS: dict[str, Any] = {
    "read_costs": {"items": [_COST]},
}
