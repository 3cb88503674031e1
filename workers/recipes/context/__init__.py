"""What a recipe sees of the world. No Ray and no MLflow: a recipe can be run from a test.

These names are the contract with recipes that operators bring; what lies behind them may change.
"""

from __future__ import annotations

from workers.recipes.context.context import MICRO_BATCH_SIZE, Context
from workers.recipes.context.orders import (
    Link,
    MetricLog,
    Order,
    Paused,
    Stopped,
    TryAgainError,
)
from workers.recipes.context.progress import Part
from workers.recipes.context.setting import Setting

__all__ = [
    "MICRO_BATCH_SIZE",
    "Context",
    "Link",
    "MetricLog",
    "Order",
    "Part",
    "Paused",
    "Setting",
    "Stopped",
    "TryAgainError",
]
