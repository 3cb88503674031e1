"""The hyperparameters that the `sft` recipe reads: light data, so that a spec is checked without
torch. Names are transformers' TrainingArguments; `global_batch_size` and `decay_ratio` are ours."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from sweeps.trial import ParamValue

SCHEDULERS = ("constant", "constant_with_warmup", "linear", "cosine", "warmup_stable_decay")


@dataclass(frozen=True)
class Parameter:
    """What one hyperparameter may be.

    `minimum` and `maximum` belong to the range, `above` and `below` do not. A float takes
    whole numbers too; an int takes no fraction; a bool is neither.
    """

    kind: Literal["int", "float", "str"]
    help: str
    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None
    below: float | None = None
    choices: tuple[str, ...] = ()

    def fault(self, value: ParamValue) -> str | None:
        """What is wrong with `value`, as a sentence's end ("must be ..."), or None."""
        if self.kind == "str":
            known = isinstance(value, str) and value in self.choices
            return None if known else f"must be one of {', '.join(self.choices)}"
        if isinstance(value, (bool, str)) or (self.kind == "int" and not isinstance(value, int)):
            return "must be a whole number" if self.kind == "int" else "must be a number"
        bounds = self._bounds()
        if math.isfinite(value) and all(holds(value, limit) for _, limit, holds in bounds):
            return None
        return "must be " + " and ".join(f"{word} {limit:g}" for word, limit, _ in bounds)

    def _bounds(self) -> list[tuple[str, float, Callable[[float, float], bool]]]:
        limits = [
            ("at least", self.minimum, operator.ge),
            ("above", self.above, operator.gt),
            ("at most", self.maximum, operator.le),
            ("below", self.below, operator.lt),
        ]
        return [(word, limit, holds) for word, limit, holds in limits if limit is not None]


SFT_PARAMETERS: dict[str, Parameter] = {
    "global_batch_size": Parameter("int", "Samples of one optimizer step, met exactly.", 1),
    "learning_rate": Parameter("float", "Peak rate of AdamW; 0 is an untrained control.", 0),
    "lr_scheduler_type": Parameter(
        "str", "Shape of the rate over the whole horizon; default constant.", choices=SCHEDULERS
    ),
    "warmup_steps": Parameter("int", "Optimizer steps of linear warmup; default 0.", 0),
    "warmup_ratio": Parameter("float", "Warmup as a share of the steps, rounded up.", 0, below=1),
    "decay_ratio": Parameter(
        "float", "warmup_stable_decay: share of the steps in its decay; default 0.1.", 0, 1
    ),
    "min_lr_ratio": Parameter(
        "float", "warmup_stable_decay: last rate over peak rate; default 0.", 0, 1
    ),
    "weight_decay": Parameter("float", "Of matrices, not of norms and biases; default 0.", 0),
    "adam_beta1": Parameter("float", "Default 0.9.", 0, below=1),
    "adam_beta2": Parameter("float", "Default 0.999.", 0, below=1),
    "adam_epsilon": Parameter("float", "Default 1e-8.", above=0),
    "max_grad_norm": Parameter(
        "float", "Gradients are clipped to this global norm; default 1.0; 0 clips nothing.", 0
    ),
    "seed": Parameter("int", "Of dropout and, without data_seed, of the data order.", 0),
    "data_seed": Parameter("int", "Of the data order alone.", 0),
}

# What `workload.options` may hold; each is true or false.
SFT_OPTIONS = ("gradient_checkpointing",)
