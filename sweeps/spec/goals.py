"""What is best, how long a trial runs, and when it is looked at."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from sweeps.space import LARGEST
from sweeps.spec.words import MetricName, Name, Text
from sweeps.wire import Wire


class Metric(Wire):
    """What is best. Names are the recipe's: `eval_loss`, `eval_exact_match`, `loss` ...

    `max_drop` says how much worse than the base model a trial may end on other metrics, in their
    own units (of a loss: how much higher). One that ends worse is never the winner.
    """

    name: MetricName
    goal: Literal["minimize", "maximize"]
    max_drop: dict[MetricName, Annotated[float, Field(ge=0, allow_inf_nan=False)]] = {}


class Horizon(Wire):
    """How long one trial runs: exactly one of samples and epochs of the training data."""

    samples: int | None = Field(default=None, ge=1, lt=LARGEST)
    epochs: float | None = Field(default=None, gt=0, le=1e6, allow_inf_nan=False)

    @model_validator(mode="after")
    def _one(self) -> Horizon:
        if (self.samples is None) == (self.epochs is None):
            raise ValueError("needs samples or epochs, not both; write e.g. {samples: 10000}")
        return self


class ReportPlan(Wire):
    """How many decision points a run has."""

    points: int = Field(default=20, ge=1, le=1000)


class Evaluation(Wire):
    """Held-out evaluation: at every `every_points`-th decision point, and always at the last.

    `max_examples` are taken of each set, evenly spread over it, the same ones every time.
    `exact_match` and `judge` (a function that the operator registered) look at generated replies.
    `tasks` are those of lm-evaluation-harness that the operator allows.
    """

    every_points: int = Field(default=5, ge=1)
    max_examples: int = Field(default=500, ge=1)
    exact_match: bool = False
    judge: Name | None = None
    max_new_tokens: int = Field(default=64, ge=1)
    answer_marker: Text | None = None
    tasks: list[Name] = []
