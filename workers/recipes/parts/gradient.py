"""The gradient of one global batch, made of micro-batches."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from transformers import PreTrainedModel

from workers.recipes.context import Context, Part
from workers.recipes.parts.batches import Batch, micro_batches
from workers.recipes.parts.data import Examples
from workers.recipes.parts.loss import token_losses
from workers.recipes.parts.models import Base


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
