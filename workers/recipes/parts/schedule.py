"""Learning rates over a run. The shapes are transformers'; they span the full horizon, or each
phase of a phased run."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from transformers import get_scheduler

from sweeps.points import PhasePlan, RunPlan
from sweeps.trial import Params

DECAY_RATIO = 0.1


def learning_rates(params: Params, plan: RunPlan) -> Callable[[int], float]:
    """The rate of optimizer step 0, 1, ... plan.steps - 1: a pure function of the step.

    A phase is a training of its own, with a warmup, a schedule and a peak of its own, as LAB's own
    tool trains it (instructlab's `accelerated_train`: one `run_training` for each phase, the second
    from the weights that the first left).
    """
    shapes = [_shape(params, phase) for phase in plan.phases]

    def rate(step: int) -> float:
        phase = plan.phase_of(step)
        return shapes[phase.number - 1](step - phase.first_step)

    return rate


def _shape(params: Params, plan: PhasePlan) -> Callable[[int], float]:
    """The rates of one phase, or of a run without any, by the step within it.

    As in transformers, warmup rises linearly from 0 at the first step to the peak at step
    `warmup_steps`; `constant` with warmup is its `constant_with_warmup`. In warmup_stable_decay
    the decay takes `decay_ratio` of the steps, rounded up, as far as warmup leaves room for it.
    """
    name, specific = str(params.get("lr_scheduler_type", "constant")), {}
    if name == "constant" and plan.warmup_steps:
        name = "constant_with_warmup"
    if name == "warmup_stable_decay":
        decay = math.ceil(float(params.get("decay_ratio", DECAY_RATIO)) * plan.steps)
        specific = {
            "num_decay_steps": min(decay, plan.steps - plan.warmup_steps),
            "min_lr_ratio": float(params.get("min_lr_ratio", 0.0)),
        }
    # Only the schedule's formula is wanted; it is kept inside a scheduler, and that wants an
    # optimizer.
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    schedule: Any = get_scheduler(
        name,
        optimizer,
        num_warmup_steps=plan.warmup_steps,
        num_training_steps=plan.steps,
        scheduler_specific_kwargs=specific,
    )
    own = plan.learning_rate
    peak, factor = float(params["learning_rate"] if own is None else own), schedule.lr_lambdas[0]
    return lambda step: peak * float(factor(step))
