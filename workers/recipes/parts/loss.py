"""Token losses of a batch, and what precision they are computed in."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from transformers import PreTrainedModel

from workers.recipes.parts.batches import Batch


def precision(device: str) -> AbstractContextManager[object]:
    """float32 on a CPU; on CUDA bf16 autocast over float32 weights, so that a rate of 1e-6 still
    moves them."""
    if device == "cpu":
        return nullcontext()
    autocast: AbstractContextManager[object] = torch.autocast(device, dtype=torch.bfloat16)
    return autocast


def token_losses(model: PreTrainedModel, batch: Batch, device: str) -> torch.Tensor:
    """Cross-entropy in nats of every label token, in the order of `batch.targets`; float32."""
    with precision(device):
        logits = model(input_ids=batch.ids, attention_mask=batch.mask, use_cache=False).logits
    picked = logits[batch.rows, batch.columns].float()
    return torch.nn.functional.cross_entropy(picked, batch.targets, reduction="none")
