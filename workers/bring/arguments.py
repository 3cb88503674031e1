"""A trial's parameters as transformers' TrainingArguments."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from transformers import TrainingArguments

from sweeps.errors import SweepError
from workers.bring.telling import Plan, Telling

Arguments = TypeVar("Arguments", bound=TrainingArguments)

# What a request may set. Other fields say where files and reports go, what is uploaded with the
# worker's token, which plugin runs: those are the recipe's.
HYPERPARAMETERS = frozenset(
    {
        *("learning_rate", "lr_scheduler_type", "weight_decay", "max_grad_norm", "optim"),
        *("adam_beta1", "adam_beta2", "adam_epsilon", "label_smoothing_factor"),
        *("neftune_noise_alpha", "gradient_checkpointing", "seed", "data_seed"),
    }
)
# Those of torch and transformers; others fetch a package, or need arguments of their own.
OPTIMIZERS = ("adafactor", "adagrad", "adamw_torch", "adamw_torch_fused", "rmsprop", "sgd")
# Parameters that are in the plan already.
_PLANNED = frozenset({"global_batch_size", "warmup_steps", "warmup_ratio"})


class ArgumentsError(SweepError, ValueError):
    """A Trainer that would not run the trial's plan, in this attempt or any other."""


def training_arguments(
    context: Telling, kind: type[Arguments], *, also: Collection[str] = (), **more: Any
) -> Arguments:
    """Arguments of this `kind` (TrainingArguments, TRL's SFTConfig ...) for the trial.

    The trial's HYPERPARAMETERS are set. `also` names further parameters that the recipe takes: one
    that is a field is set, another the recipe reads itself. The global batch is met exactly by
    micro-batches of at most `micro_batch_size`; warmup and length are the plan's. As in the recipe
    `sft`, CUDA runs under bf16 autocast. `more` is set on top. Raises ArgumentsError for a
    parameter that nobody takes, for what the plan decides and `also` or `more` names, and for a
    global batch that the processes cannot share evenly.
    """
    decided = settled(context)
    if taken := sorted({*more, *also} & set(decided)):
        raise ArgumentsError(f"the trial's plan decides {', '.join(taken)}; take them out")
    params = _taken(context.params, also, more)
    names = {field.name for field in fields(kind)}
    chosen: dict[str, Any] = {
        "seed": context.seed,
        "bf16": context.device == "cuda",
        "report_to": "none",
        "disable_tqdm": True,
        "output_dir": str(scratch()),
        **{name: value for name, value in params.items() if name in names},
        "use_cpu": context.device == "cpu",
    }
    if params.get("lr_scheduler_type") == "constant" and context.plan.warmup_steps:
        chosen["lr_scheduler_type"] = "constant_with_warmup"
    arguments: Arguments = kind(**{**chosen, **more, **decided})
    return arguments


def scratch() -> Path:
    """The folder that a Trainer of this process must be given, and makes. Nothing is meant to be in
    it, and `attach` deletes it: checkpoints go where the trial keeps them."""
    return Path(tempfile.gettempdir(), f"sweep-trainer-{os.getpid()}")


def _taken(
    params: Mapping[str, Any], also: Collection[str], more: Mapping[str, Any]
) -> dict[str, Any]:
    """The parameters that may be set. Raises ArgumentsError for those that nobody takes."""
    own = {*also, *more}
    if unknown := sorted(set(params) - HYPERPARAMETERS - _PLANNED - own):
        raise ArgumentsError(
            f"nobody takes the parameter {', '.join(unknown)}: take it out of the spec, or the "
            f"recipe's author says that it is meant, with training_arguments(..., "
            f"also=({', '.join(map(repr, unknown))},))"
        )
    optim = params.get("optim", OPTIMIZERS[0])
    if optim not in OPTIMIZERS and "optim" not in own:
        raise ArgumentsError(
            f"the parameter optim is {optim!r}: choose one of {', '.join(OPTIMIZERS)}, or the "
            "recipe's author passes optim=... or also=('optim',)"
        )
    return {name: value for name, value in params.items() if name not in _PLANNED}


def settled(context: Telling) -> dict[str, Any]:
    """What the trial's plan decides, and how the Trainer must tell of it."""
    plan = context.plan
    size, accumulation = _micro_batch(plan, context.micro_batch_size)
    return {
        "max_steps": plan.steps,
        "warmup_steps": plan.warmup_steps,
        "per_device_train_batch_size": size,
        "gradient_accumulation_steps": accumulation,
        "auto_find_batch_size": False,
        "save_strategy": "no",
        "eval_strategy": "no",
        **LOGGING,
    }


# Every step is logged as it was: with the filter a NaN is logged as the mean of the steps before.
LOGGING = {"logging_strategy": "steps", "logging_steps": 1, "logging_nan_inf_filter": False}


def mismatches(args: TrainingArguments, plan: Plan) -> list[str]:
    """How these arguments, made by somebody else, would not run the plan. Empty: they would."""
    batch = args.train_batch_size * args.gradient_accumulation_steps * args.world_size
    wanted = {
        "max_steps": (args.max_steps, plan.steps),
        "per_device_train_batch_size x gradient_accumulation_steps x processes": (
            batch,
            plan.global_batch_size,
        ),
        "auto_find_batch_size": (args.auto_find_batch_size, False),
    }
    return [
        f"{name} is {has}, and the trial needs {needs}"
        for name, (has, needs) in wanted.items()
        if has != needs
    ]


def _micro_batch(plan: Plan, limit: int) -> tuple[int, int]:
    """The largest micro-batch within `limit` that meets the global batch evenly, and how many."""
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    share, rest = divmod(plan.global_batch_size, processes)
    if rest:
        raise ArgumentsError(
            f"global_batch_size {plan.global_batch_size} cannot be shared by {processes} "
            "processes; choose a multiple of them"
        )
    size = max(size for size in range(1, min(limit, share) + 1) if share % size == 0)
    return size, share // size
