"""Supervised fine-tuning of a causal language model: the built-in recipe, whole on this page.

Full fine-tuning with AdamW. The loss is the token mean over the whole global batch, taken over
completions only; the batch is met exactly by micro-batches, so nothing but rounding depends on
how many there are. Weights, moments and updates are float32 everywhere. On CUDA the arithmetic
runs under bf16 autocast; that path has not been run on a device yet.

Hyperparameters and their ranges: `sweeps.sft_parameters`. Reads `workload.model`, `.data`,
`.max_length` and the option `gradient_checkpointing`.
"""

from __future__ import annotations

from functools import partial

import torch
from transformers import PreTrainedModel

from sweeps.seeds import generator
from workers.recipes.context import Context
from workers.recipes.parts.batches import SampleOrder
from workers.recipes.parts.facts import prepare
from workers.recipes.parts.gradient import accumulate, clip
from workers.recipes.parts.materials import materials
from workers.recipes.parts.optimizers import adamw
from workers.recipes.parts.schedule import learning_rates
from workers.recipes.parts.state import TrainingState, fingerprint

__all__ = ["prepare", "run", "run_untrained"]


def run(context: Context) -> None:
    """Train one trial from its base model, or from its checkpoint, to the horizon.

    Raises SpecError for a model or data that cannot be used; Stopped and Paused pass through.
    """
    base, train, evaluator = materials(context)
    params, plan = context.params, context.plan
    model = base.fresh()
    _checkpointing(model, bool(context.workload.options.get("gradient_checkpointing")))
    optimizer = adamw(model, params)
    rate = learning_rates(params, plan)
    seed = int(params.get("seed", context.seed))
    order = SampleOrder(len(train.examples), int(params.get("data_seed", seed)))
    state = TrainingState(model, optimizer, train.digest, base.tokenizer)
    context.register_state(state.save, state.load)

    for step in range(context.steps_done, plan.steps):
        chosen = order.take(step * plan.global_batch_size, plan.global_batch_size)
        # The seed of dropout is drawn anew for every step, so a resumed run needs no history.
        torch.manual_seed(int(generator(seed, "sft-dropout", step).integers(2**63)))
        before = fingerprint(model)
        batch = accumulate(model, train.examples, chosen, context, base)
        norm = clip(model, float(params.get("max_grad_norm", 1.0)))
        for group in optimizer.param_groups:
            group["lr"] = rate(step)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        context.step(
            samples=len(chosen),
            tokens=batch.tokens,
            loss=batch.loss,
            grad_norm=norm,
            learning_rate=rate(step),
            label_tokens=batch.label_tokens,
            changed=not torch.equal(before, fingerprint(model)),
            part=batch.part,
            evaluate=partial(evaluator, model) if evaluator.sets else None,
        )


def run_untrained(context: Context) -> None:
    """Evaluate the base model before any step, as a trial of the same workload would be.

    Raises SpecError for a model or data that cannot be used.
    """
    base, _, evaluator = materials(context)
    context.untrained(evaluator(base.fresh()) if evaluator.sets else {})


def _checkpointing(model: PreTrainedModel, wanted: bool) -> None:
    """Trade time for memory: activations are computed again in the backward pass."""
    if wanted:
        model.activation_checkpointing_enable()
    else:
        model.activation_checkpointing_disable()
