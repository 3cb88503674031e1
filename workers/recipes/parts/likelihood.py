"""How likely a model finds texts: the summed loss of each, and the mean over many."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedModel

from workers.recipes.parts.batches import by_length, collate
from workers.recipes.parts.data import Examples
from workers.recipes.parts.loss import token_losses


def loss_sums(
    model: PreTrainedModel, examples: Examples, chosen: Sequence[int], size: int, device: str
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """(summed loss in nats, number of label tokens) of each chosen example, in their order.

    Runs batches of at most `size` examples, of like length. Keeps no gradient.
    """
    sums, counts = np.zeros(len(chosen)), np.zeros(len(chosen), np.int64)
    lengths = np.diff(examples.bounds)[list(chosen)]
    for part in by_length(lengths.tolist(), size):
        # Padding is masked, so any id will do.
        batch = collate(examples, [chosen[place] for place in part], 0).to(device)
        with torch.no_grad():
            losses = token_losses(model, batch, device).double()
        total = torch.zeros(len(part), dtype=torch.float64, device=device)
        sums[part] = total.index_add(0, batch.rows, losses).cpu().numpy()
        counts[part] = torch.bincount(batch.rows, minlength=len(part)).cpu().numpy()
    return sums, counts


def token_mean(sums: Sequence[float], counts: Sequence[int]) -> dict[str, float]:
    """`loss`, the mean over tokens, and `loss_stderr`, its standard error over examples.

    `sums` are the examples' summed token losses, `counts` their tokens. The error is that of a
    ratio estimate (Cochran, Sampling Techniques, 3rd ed., 2.11): examples are independent, the
    tokens of one are not. Needs two examples.
    """
    loss_sums, tokens = np.asarray(sums), np.asarray(counts, np.float64)
    mean = float(loss_sums.sum() / tokens.sum())
    if len(tokens) < 2:
        return {"loss": mean}
    squares = float(((loss_sums - mean * tokens) ** 2).sum())
    error = math.sqrt(squares * len(tokens) / (len(tokens) - 1)) / float(tokens.sum())
    return {"loss": mean, "loss_stderr": error}
