"""transformers' Trainer, and those of TRL that are made of it, as trials.

    arguments = training_arguments(context, SFTConfig, max_length=512)
    trainer = SFTTrainer(model, arguments, train_dataset=..., eval_dataset=...)
    run_trainer(context, trainer)

`context` is a recipe's, or the `Trial` of a command (`workers.bring.client`). What the Trainer logs
after every optimizer step goes to `context.step`, which raises Stopped or Paused through
`trainer.train()`: neither is an Exception, and nothing in there catches them.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
from torch.utils.data import IterableDataset, Subset
from transformers import PrinterCallback, Trainer

from workers.bring.arguments import (
    LOGGING,
    ArgumentsError,
    mismatches,
    scratch,
    training_arguments,
)
from workers.bring.callback import SweepCallback
from workers.bring.telling import Telling
from workers.bring.trainer_state import TrainerCheckpoint
from workers.recipes.parts.batches import SampleOrder

__all__ = ["attach", "run_trainer", "training_arguments"]


def run_trainer(context: Telling, trainer: Trainer) -> None:
    """Train the trial from its start or its last checkpoint to the horizon.

    Raises what `attach` raises; Stopped and Paused pass through.
    """
    resume = attach(context, trainer)
    if context.steps_done < context.plan.steps:
        trainer.train(resume_from_checkpoint=resume)


def attach(context: Telling, trainer: Trainer) -> str | None:
    """Make a Trainer tell of its steps; returns what to give `train` as `resume_from_checkpoint`.

    Every step is logged, and a loss that is not finite as it is. The training data is put into the
    order of the recipe `sft`, a function of the seed, with batches that run on across epochs, so
    every step has its whole global batch. Of each evaluation set `evaluation.max_examples` are
    kept, evenly spread. Raises ArgumentsError for arguments that would not run the trial's plan.
    """
    args, plan = trainer.args, context.plan
    with suppress(OSError):  # not made on a rank that saves nothing, or not from our arguments
        scratch().rmdir()
    faults = mismatches(args, plan)
    if trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled:
        faults.append("FSDP and DeepSpeed have not been run here; take them out")
    if isinstance(trainer.train_dataset, IterableDataset) or trainer.train_dataset is None:
        faults.append("train_dataset must have a length, so that a resumed trial finds its place")
    if faults:
        raise ArgumentsError(
            "This Trainer would not run the trial: " + "; ".join(faults) + ". Make its arguments "
            "with training_arguments(context, TrainingArguments)."
        )
    for name, value in {**LOGGING, "train_sampling_strategy": "sequential"}.items():
        setattr(args, name, value)
    seed = args.seed if args.data_seed is None else args.data_seed
    order = SampleOrder(len(trainer.train_dataset), seed)
    chosen = order.take(0, plan.steps * plan.global_batch_size)
    trainer.train_dataset = _select(trainer.train_dataset, chosen)
    trainer.eval_dataset = _limited(trainer.eval_dataset, context.evaluation.max_examples)
    # It would print every step; the sweep shows them.
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(SweepCallback(context, trainer))
    checkpoint = TrainerCheckpoint(trainer)
    context.register_state(checkpoint.save, checkpoint.load)
    return checkpoint.resume


def _limited(held_out: Any, limit: int) -> Any:
    """Each evaluation set with at most `limit` rows; one without a length as it is."""
    if isinstance(held_out, dict):
        return {name: _limited(rows, limit) for name, rows in held_out.items()}
    if held_out is None or not hasattr(held_out, "__len__") or len(held_out) <= limit:
        return held_out
    return _select(held_out, [int(i) for i in np.linspace(0, len(held_out) - 1, limit).round()])


def _select(rows: Any, chosen: list[int]) -> Any:
    """Those rows, in that order. A `datasets.Dataset` stays one, for its columns are looked at."""
    return rows.select(chosen) if hasattr(rows, "select") else Subset(rows, chosen)
