"""What stands in one place of a table, as a number, a truth or a parameter."""

from __future__ import annotations

import math
from typing import Any

from sweeps.trial import ParamValue

_LARGEST = 2**53


def as_param(value: Any) -> ParamValue | None:
    """What a parameter can be: a word, a truth, a finite number. None for all else."""
    if isinstance(value, str):
        return value if 0 < len(value) <= 500 else None
    if isinstance(value, (bool, int)):
        return value if abs(value) < _LARGEST else None
    return value if isinstance(value, float) and math.isfinite(value) else None


def as_positive(value: Any) -> float | None:
    """A finite number above zero; None for all else."""
    number = as_number(value)
    return number if number is not None and math.isfinite(number) and number > 0 else None


def as_number(value: Any) -> float | None:
    """A number, which may be NaN or infinite; None for all else."""
    return float(value) if isinstance(value, (int, float)) else None


def as_truth(value: Any) -> bool:
    """Whether it says yes, in any of the ways that tables have for it."""
    return str(value).lower() in ("true", "1", "1.0")
