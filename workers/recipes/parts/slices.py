"""Tensors of which each rank holds a slice (DTensors), and what can be asked of any tensor."""

from __future__ import annotations

import torch
from torch.distributed.tensor import DTensor


def own(tensor: torch.Tensor) -> torch.Tensor:
    """This rank's slice of a divided tensor; any other as it is."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def whole(tensor: torch.Tensor) -> torch.Tensor:
    """All of a divided tensor, which all ranks must ask for; any other as it is."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def cut(full: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """What this rank holds of `full`, divided as `like` is (along the first dimension, or not)."""
    if not isinstance(like, DTensor):
        return full
    chunks = full.chunk(like.device_mesh.size())
    rank = like.device_mesh.get_local_rank()
    return chunks[rank] if rank < len(chunks) else full[:0]
