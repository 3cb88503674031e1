"""How far a run has come: its counters, and the steps since its last decision point."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sweeps.trial import StepRecord


@dataclass(frozen=True)
class Part:
    """One micro-batch of a step: its samples, the global L2 norm of its own mean gradient."""

    samples: int
    grad_norm: float


@dataclass
class Progress:
    """Optimizer steps, samples, non-padding tokens and decision points behind a run. `inherited` of
    the samples were another trial's; `window` are the steps since the last decision point."""

    step: int = 0
    samples: int = 0
    tokens: int = 0
    point: int = 0
    inherited: int = 0
    window: list[StepRecord] = field(default_factory=list)

    def add(self, record: StepRecord) -> None:
        """One more step, whose counters include it."""
        self.step, self.samples = record.step, record.samples_seen
        self.tokens += record.tokens
        self.window.append(record)

    def reach(self, point: int) -> None:
        """A decision point: the next window is open."""
        self.point, self.window = point, []

    def dump(self) -> dict[str, Any]:
        """For a checkpoint. A resumed window equals an unbroken one."""
        return {
            "step": self.step,
            "samples": self.samples,
            "tokens": self.tokens,
            "point": self.point,
            "inherited": self.inherited,
            "window": [
                {name: getattr(step, name) for name in StepRecord.__slots__} for step in self.window
            ],
        }

    def load(self, state: dict[str, Any]) -> None:
        """Go on from what `dump` wrote."""
        self.step, self.samples = state["step"], state["samples"]
        self.tokens, self.point = state["tokens"], state["point"]
        self.inherited = state.get("inherited", 0)
        self.window = [StepRecord(**fields) for fields in state["window"]]
