"""Supervised fine-tuning of a causal language model: the built-in recipe, whole on this page.

Full fine-tuning with AdamW. The loss is the token mean over the whole global batch, taken over
completions only; the batch is met exactly by micro-batches, so nothing but rounding depends on
how many there are. Weights, moments and updates are float32 everywhere. On CUDA the arithmetic
runs under bf16 autocast; that path has not been run on a device yet.

Hyperparameters and their ranges: `sweeps.sft_parameters`. Reads `workload.model`, `.data`,
`.max_length` and the option `gradient_checkpointing`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import torch
from transformers import PreTrainedModel

from sweeps.seeds import generator
from sweeps.trial import Params
from workers.recipes.context import Context, Part
from workers.recipes.parts.batches import Batch, SampleOrder, micro_batches
from workers.recipes.parts.choices import read_held_out
from workers.recipes.parts.data import Examples, tokenise
from workers.recipes.parts.evaluate import Evaluator
from workers.recipes.parts.facts import prepare, required
from workers.recipes.parts.formats import read_examples
from workers.recipes.parts.loss import token_losses
from workers.recipes.parts.models import Base, load_base
from workers.recipes.parts.questions import Questions, tokenise_held_out
from workers.recipes.parts.rows import Source, eval_sources, train_source
from workers.recipes.parts.schedule import learning_rates
from workers.recipes.parts.state import TrainingState, fingerprint

__all__ = ["prepare", "run", "run_untrained"]
Tokenised = TypeVar("Tokenised")


def run(context: Context) -> None:
    """Train one trial from its base model, or from its checkpoint, to the horizon.

    Raises SpecError for a model or data that cannot be used; Stopped and Paused pass through.
    """
    base, train, evaluator = _materials(context)
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
    base, _, evaluator = _materials(context)
    context.untrained(evaluator(base.fresh()) if evaluator.sets else {})


@dataclass(frozen=True)
class BatchSum:
    """One global batch: non-padding tokens, tokens that the loss is over, their mean loss.

    `part` is its first micro-batch, None when that is the whole batch.
    """

    tokens: int
    label_tokens: int
    loss: float
    part: Part | None = None


def accumulate(
    model: PreTrainedModel, examples: Examples, chosen: Sequence[int], context: Context, base: Base
) -> BatchSum:
    """Add the gradient of the global batch's token-mean loss to the model, part by part."""
    pad, device = int(base.tokenizer.pad_token_id), context.device
    parts = list(micro_batches(examples, chosen, context.micro_batch_size, pad))
    label_tokens = sum(part.label_tokens for part in parts)
    total = torch.zeros((), dtype=torch.float64, device=device)
    first: torch.Tensor | None = None
    for part in parts:
        loss = token_losses(model, part.to(device), device).sum()
        (loss / label_tokens).backward()  # type: ignore[no-untyped-call]
        total += loss.detach()
        if first is None and len(parts) > 1:
            first = grad_norm(model)
    tokens = sum(int(part.mask.sum()) for part in parts)
    mean = float(total) / label_tokens
    return BatchSum(tokens, label_tokens, mean, _part(parts[0], first, label_tokens))


def grad_norm(model: PreTrainedModel) -> torch.Tensor:
    """The global L2 norm of the gradient as it is now. Changes nothing, waits for no device."""
    grads = [p.grad for p in model.parameters() if p.grad is not None]
    return torch.nn.utils.get_total_norm(grads)


def _part(first: Batch, norm: torch.Tensor | None, label_tokens: int) -> Part | None:
    """`norm` is that of the first micro-batch's share of the mean over all label tokens; its own
    mean is over its own."""
    if norm is None or not first.label_tokens:
        return None
    return Part(len(first.ids), float(norm) * label_tokens / first.label_tokens)


def clip(model: PreTrainedModel, limit: float) -> float:
    """Scale the gradient to a global L2 norm of at most `limit` (0: no limit).

    Returns the norm before.
    """
    return float(torch.nn.utils.clip_grad_norm_(model.parameters(), limit or math.inf))


def adamw(model: PreTrainedModel, params: Params) -> torch.optim.AdamW:
    """AdamW with transformers' defaults. As there, only matrices decay: no norms, no biases."""
    trained = [p for p in model.parameters() if p.requires_grad]
    decay = float(params.get("weight_decay", 0.0))
    groups: list[dict[str, Any]] = [
        {"params": [p for p in trained if p.ndim >= 2], "weight_decay": decay},
        {"params": [p for p in trained if p.ndim < 2], "weight_decay": 0.0},
    ]
    betas = float(params.get("adam_beta1", 0.9)), float(params.get("adam_beta2", 0.999))
    epsilon = float(params.get("adam_epsilon", 1e-8))
    rate = float(params["learning_rate"])
    return torch.optim.AdamW([g for g in groups if g["params"]], lr=rate, betas=betas, eps=epsilon)


@dataclass(frozen=True)
class Train:
    """Tokenised training examples and the digest of what they were made from."""

    examples: Examples
    digest: str


def _materials(context: Context) -> tuple[Base, Train, Evaluator]:
    """Model, training data and evaluator, from the worker's cache where they are there."""
    model, data = required(context.workload)
    source = train_source(data, context.roots)
    base = load_base(model, data, source, context.roots, context.cache, context.device)
    train = Train(_tokens(context, base, source), source.digest())
    sets = {s.label: _held_out(context, base, s) for s in eval_sources(data, context.roots)}
    evaluator = Evaluator(
        base.tokenizer, sets, context.evaluation, context.micro_batch_size, context.device
    )
    return base, train, evaluator


def _tokens(context: Context, base: Base, source: Source) -> Examples:
    _, data = required(context.workload)

    def make(length: int) -> Examples:
        return tokenise(source, read_examples(source, data), base.tokenizer, length)

    return _cached(context, base, source, make)


def _held_out(context: Context, base: Base, source: Source) -> Examples | Questions:
    _, data = required(context.workload)

    def make(length: int) -> Examples | Questions:
        return tokenise_held_out(source, read_held_out(source, data), base.tokenizer, length)

    return _cached(context, base, source, make)


def _cached(
    context: Context, base: Base, source: Source, make: Callable[[int], Tokenised]
) -> Tokenised:
    """What `make` does of the source's rows at their longest length, once a worker."""
    _, data = required(context.workload)
    length = min(context.workload.max_length, base.limit)
    said = f"{source.use} {source.digest()} {data.format} {data.fields}"
    key = f"sft.tokens {said} {length} {base.key}"
    if key not in context.cache:
        context.cache[key] = make(length)
    tokens: Tokenised = context.cache[key]
    return tokens


def _checkpointing(model: PreTrainedModel, wanted: bool) -> None:
    """Trade time for memory: activations are computed again in the backward pass."""
    if wanted:
        model.activation_checkpointing_enable()
    else:
        model.activation_checkpointing_disable()
