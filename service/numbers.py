"""Floats that are not finite, in plain JSON data."""

from __future__ import annotations

import math
from typing import Any


def wired(data: Any) -> Any:
    """Plain data with NaN, Infinity and -Infinity as the strings that `sweeps.wire` writes."""
    if isinstance(data, float) and not math.isfinite(data):
        return "NaN" if math.isnan(data) else ("Infinity" if data > 0 else "-Infinity")
    if isinstance(data, dict):
        return {name: wired(value) for name, value in data.items()}
    return [wired(item) for item in data] if isinstance(data, list) else data
