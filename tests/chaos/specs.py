"""The two sweeps of a chaos run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests_support import toy_spec

from sweeps.spec import SweepSpec

BATCH = 16


@dataclass(frozen=True)
class Size:
    """How many trials a sweep has, of how many steps, how long a step takes in seconds, and how
    many trials of one sweep run at once."""

    trials: int = 24
    steps: int = 40
    step_seconds: float = 0.25
    points: int = 8
    parallel: int = 2

    @property
    def body(self) -> dict[str, Any]:
        """What both sweeps have in common."""
        return {
            "workload": {"recipe": "toy", "options": {"step_seconds": self.step_seconds}},
            "horizon": {"samples": self.steps * BATCH},
            "report": {"points": self.points},
            # A trial may lose 30 workers: the schedule knows no mercy with any of them.
            "resources": {"max_parallel": self.parallel, "max_attempts": 10},
        }


def grid(size: Size) -> SweepSpec:
    """Every trial runs to its end, in whatever order: its numbers do not depend on the others."""
    rates = [round(0.02 + 0.035 * k, 3) for k in range(size.trials)]
    axes = {"global_batch_size": {"value": BATCH}, "learning_rate": {"values": rates}}
    return toy_spec(**size.body, parameters=axes)


# Both park and bring back; they take turns.
PARKING: tuple[dict[str, Any], ...] = (
    {"type": "halving", "eta": 2, "grace": 0.25},
    {"type": "early_dynamics", "audit": 0.2},
)


def learned(size: Size, turn: int = 0) -> SweepSpec:
    """TPE with halving, or at every other `turn` with early_dynamics: what is asked and who goes
    on depends on who reported before."""
    rate = {"distribution": "log_uniform_values", "min": 0.003, "max": 1.9}
    return toy_spec(
        **size.body,
        parameters={"global_batch_size": {"value": BATCH}, "learning_rate": rate},
        method={"type": "tpe", "n_startup_trials": max(2, size.trials // 6)},
        budget={"trials": size.trials},
        pruning=PARKING[turn % len(PARKING)],
    )
