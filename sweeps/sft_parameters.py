"""The hyperparameters that the `sft` recipe reads: light data, so that a spec is checked without
torch. Names are transformers' TrainingArguments; `global_batch_size` and `decay_ratio` are ours."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from sweeps.trial import ParamValue

SCHEDULERS = ("constant", "constant_with_warmup", "linear", "cosine", "warmup_stable_decay")
# What `adapter` may be: no adapter at all, or one of those of the block `workload.adapter`.
FULL = "full"
ADAPTERS = ("lora", "rslora", "dora")
ALL_LINEAR = "all-linear"
_MODULES = re.compile(r"^[A-Za-z_][\w.]*( *, *[A-Za-z_][\w.]*)*\Z")


@dataclass(frozen=True)
class Parameter:
    """What one hyperparameter may be.

    `minimum` and `maximum` belong to the range, `above` and `below` do not. A float takes
    whole numbers too; an int takes no fraction; a bool is neither. `modules` are names of a
    model's modules with commas between, or all-linear.
    """

    kind: Literal["int", "float", "str", "modules"]
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
        if self.kind == "modules":
            named = isinstance(value, str) and (value == ALL_LINEAR or _MODULES.match(value))
            return None if named else "must be all-linear, or names of modules with commas between"
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
    "strategy": Parameter(
        "str",
        "Phases one after the other, or the data of all of them shuffled; default: "
        "workload.strategy.",
        choices=("stacked", "phased"),
    ),
    "curriculum": Parameter(
        "str",
        "Order of an epoch's examples: shuffled, or the shortest first; default none.",
        choices=("none", "length"),
    ),
    "adapter": Parameter(
        "str", "Which weights are trained; default: workload.adapter.", choices=(FULL, *ADAPTERS)
    ),
    "lora_r": Parameter("int", "Rank of the adapter, peft's `r`; default 16.", 1),
    "lora_alpha": Parameter(
        "float", "Scale of the adapter; default: twice the rank, as in TRL.", above=0
    ),
    "lora_dropout": Parameter("float", "Dropout before the adapter; default 0.", 0, below=1),
    "lora_target_modules": Parameter(
        "modules", "Modules that get an adapter, such as q_proj,v_proj; default all-linear."
    ),
    "trainable_fraction": Parameter(
        "float",
        "Full fine-tuning of this share of the layers, the last ones; default 1. Below 1 the "
        "embeddings stay as they are too.",
        above=0,
        maximum=1,
    ),
}

OPTIMIZERS = ("adamw_torch_fused", "adamw_torch")

# What `workload.options` may hold, under the names of transformers' TrainingArguments: true or
# false, or one of these words.
SFT_OPTIONS: Mapping[str, tuple[str, ...] | None] = {
    "gradient_checkpointing": None,
    "packing": None,
    "torch_compile": None,
    "optim": OPTIMIZERS,
}

# What people set elsewhere and this version refuses by name: what it is, and what to do.
_NEVER_RAN = "nothing of it has run on a device here"
UNBUILT_OPTIONS: Mapping[str, tuple[str, str]] = {
    "load_in_4bit": (
        f"QLoRA ({_NEVER_RAN})",
        "Take it out; adapters train over a base of full precision.",
    ),
    "load_in_8bit": (
        f"a base of 8 bits ({_NEVER_RAN})",
        "Take it out; adapters train over a base of full precision.",
    ),
    "use_liger_kernel": (f"Liger's kernels ({_NEVER_RAN})", "Take it out."),
    "attn_implementation": (
        f"choosing the attention, such as flash-attn ({_NEVER_RAN})",
        "Take it out; torch's scaled_dot_product_attention is used.",
    ),
    "bf16": (
        "choosing the precision",
        "Take it out: on CUDA trials run under bf16 autocast, on a CPU in float32.",
    ),
    "fp16": (
        "float16 with a scaled loss",
        "Take it out: on CUDA trials run under bf16 autocast, on a CPU in float32.",
    ),
}


def is_eight_bits(optim: object) -> bool:
    """True for transformers' names of optimizers with states of 8 bits (`adamw_bnb_8bit` ...)."""
    return isinstance(optim, str) and "8bit" in optim
