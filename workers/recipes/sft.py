"""Supervised fine-tuning of a causal language model: the built-in recipe, whole on this page.

All weights, the last layers or an adapter are trained, with AdamW. The loss is the token mean over
the whole global batch, taken over completions only; the batch is met exactly by micro-batches, so
nothing but rounding depends on how many there are. Weights, moments and updates are float32
everywhere. On CUDA the arithmetic runs under bf16 autocast; that path has not been run on a device
yet.

Hyperparameters, options and their ranges: `sweeps.sft_parameters`. Reads `workload.model`, `.data`,
`.max_length`, `.adapter` and `.options`.
"""

from __future__ import annotations

from functools import partial

import torch

from workers.recipes.context import Context
from workers.recipes.parts.facts import prepare
from workers.recipes.parts.gradient import GlobalGradient, clip
from workers.recipes.parts.materials import materials
from workers.recipes.parts.optimizers import adamw
from workers.recipes.parts.options import apply_options, eager
from workers.recipes.parts.phases import Course
from workers.recipes.parts.schedule import learning_rates
from workers.recipes.parts.shard import divided, measured
from workers.recipes.parts.state import TrainingState, fingerprint
from workers.recipes.parts.trained import WholeModel, trained_weights

__all__ = ["prepare", "run", "run_untrained"]


def run(context: Context) -> None:
    """Train one trial from its base model, or from its checkpoint, to the horizon.

    Raises SpecError for a model or data that cannot be used; Stopped and Paused pass through.
    """
    base, train, evaluator = materials(context)
    params, plan, options = context.params, context.plan, context.workload.options
    seed = int(params.get("seed", context.seed))
    weights = divided(trained_weights(base, context.workload, params, seed), base, context)
    model = weights.model
    apply_options(model, options)
    optimizer = adamw(model, params, options)
    rate = learning_rates(params, plan)
    course = Course(plan, train, params, int(params.get("data_seed", seed)))
    state = TrainingState(weights, optimizer, train.digest, base.tokenizer, context.world)
    context.register_state(state.save, state.load)
    gradient = GlobalGradient(model, train.examples, context, base, seed)

    for step in range(context.steps_done, plan.steps):
        if course.begins(step):
            optimizer.state.clear()
        chosen = course.take(step)
        before = fingerprint(model)
        batch = gradient(step, chosen)
        for group in optimizer.param_groups:
            group["lr"] = rate(step)
        with gradient.applying():
            norm = clip(model, float(params.get("max_grad_norm", 1.0)))
            optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        context.step(
            samples=len(chosen),
            tokens=batch.tokens,
            loss=batch.loss,
            grad_norm=norm,
            learning_rate=rate(step),
            label_tokens=batch.label_tokens,
            changed=bool(context.world.most(not torch.equal(before, fingerprint(model)))),
            part=batch.part,
            cut=batch.cut,
            evaluate=partial(
                measured,
                eager(partial(evaluator, model, last=step + 1 == plan.steps), options),
                model,
                context,
            )
            if evaluator.measures
            else None,
        )


def run_untrained(context: Context) -> None:
    """Evaluate the base model before any step, as a trial of the same workload would be.

    Raises SpecError for a model or data that cannot be used.
    """
    base, _, evaluator = materials(context)
    model = divided(WholeModel(base.fresh()), base, context).model
    evaluate = partial(evaluator, model, last=True)
    context.untrained(measured(evaluate, model, context) if evaluator.measures else {})
