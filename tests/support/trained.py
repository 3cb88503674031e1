"""The weights that a run in this process left behind."""

from __future__ import annotations

import torch
from recipe_support import Run


def weights(run_: Run) -> dict[str, torch.Tensor]:
    """The weights that the attempt ended with."""
    model = run_.context.cache["sft.base"].model
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def same(left: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> bool:
    return left.keys() == right.keys() and all(torch.equal(left[k], right[k]) for k in left)
