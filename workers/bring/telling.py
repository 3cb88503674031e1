"""What the Trainer's side needs of a recipe's context. A command's `Trial` has it too."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol


class Plan(Protocol):
    """How long a trial runs; see `sweeps.points.RunPlan`."""

    @property
    def steps(self) -> int: ...
    @property
    def global_batch_size(self) -> int: ...
    @property
    def warmup_steps(self) -> int: ...


class EvaluationPlan(Protocol):
    """How much is evaluated; see `sweeps.spec.Evaluation`."""

    @property
    def max_examples(self) -> int: ...


class Telling(Protocol):
    """See `workers.recipes.context.Context` and `workers.bring.client.Trial`."""

    seed: int
    device: str
    micro_batch_size: int

    @property
    def params(self) -> Mapping[str, Any]: ...
    @property
    def plan(self) -> Plan: ...
    @property
    def evaluation(self) -> EvaluationPlan: ...
    @property
    def steps_done(self) -> int: ...
    @property
    def step(self) -> Callable[..., None]: ...

    def register_state(
        self, save: Callable[[Path], None], load: Callable[[Path], None]
    ) -> None: ...
