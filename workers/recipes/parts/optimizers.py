"""Optimizers by their hyperparameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from transformers import PreTrainedModel

from sweeps.sft_parameters import OPTIMIZERS
from sweeps.trial import Params


def adamw(
    model: PreTrainedModel, params: Params, options: Mapping[str, object]
) -> torch.optim.AdamW:
    """AdamW over the trained weights, with transformers' defaults: its fused kernel unless the
    options say `optim: adamw_torch`, and only matrices decay, no norms, no biases."""
    trained = [p for p in model.parameters() if p.requires_grad]
    decay = float(params.get("weight_decay", 0.0))
    groups: list[dict[str, Any]] = [
        {"params": [p for p in trained if p.ndim >= 2], "weight_decay": decay},
        {"params": [p for p in trained if p.ndim < 2], "weight_decay": 0.0},
    ]
    betas = float(params.get("adam_beta1", 0.9)), float(params.get("adam_beta2", 0.999))
    epsilon = float(params.get("adam_epsilon", 1e-8))
    rate = float(params["learning_rate"])
    return torch.optim.AdamW(
        [g for g in groups if g["params"]],
        lr=rate,
        betas=betas,
        eps=epsilon,
        fused=options.get("optim", OPTIMIZERS[0]) == "adamw_torch_fused",
    )
