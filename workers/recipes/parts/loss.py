"""Token losses of a batch, and what precision they are computed in."""

from __future__ import annotations

import inspect
from contextlib import AbstractContextManager, nullcontext

import torch
from transformers import PreTrainedModel

from workers.recipes.parts.batches import Batch
from workers.recipes.parts.packing import packed_inputs


def precision(device: str) -> AbstractContextManager[object]:
    """float32 on a CPU; on CUDA bf16 autocast over float32 weights, so that a rate of 1e-6 still
    moves them."""
    if device == "cpu":
        return nullcontext()
    autocast: AbstractContextManager[object] = torch.autocast(device, dtype=torch.bfloat16)
    return autocast


def token_losses(model: PreTrainedModel, batch: Batch, device: str) -> torch.Tensor:
    """Cross-entropy in nats of every label token, in the order of `batch.targets`; float32."""
    if batch.segments:
        inputs = packed_inputs(batch.segments, batch.ids.device)
    else:
        inputs = {"attention_mask": batch.mask, "use_cache": False}
    with precision(device):
        logits = _label_logits(model, batch, inputs)
    return torch.nn.functional.cross_entropy(logits.float(), batch.targets, reduction="none")


def _label_logits(model: PreTrainedModel, batch: Batch, inputs: dict[str, object]) -> torch.Tensor:
    """Logits of shape (label tokens, vocabulary).

    Only these go through the output layer, where the model can leave out the others: of a prompt
    nothing is learnt, and over a large vocabulary its logits are most of the memory.
    """
    if "logits_to_keep" in inspect.signature(model.forward).parameters:
        kept = torch.zeros_like(batch.ids, dtype=torch.bool)
        kept[batch.rows, batch.columns] = True
        inputs = {**inputs, "logits_to_keep": kept}
    logits: torch.Tensor = model(input_ids=batch.ids, **inputs).logits
    return logits if logits.dim() == 2 else logits[batch.rows, batch.columns]
