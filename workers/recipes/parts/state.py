"""The state of a run on disk: safetensors for tensors, JSON for the rest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from sweeps.errors import SweepError
from workers.recipes.parts.files import load_tensors, save_tensors
from workers.recipes.parts.slices import own
from workers.recipes.parts.trained import Weights
from workers.recipes.world import ALONE, World


class TrainingState:
    """Saves and loads what a run needs to go on bit for bit: trained weights, AdamW's moments.

    There is no random state to save: order, dropout and rate are functions of seed and step.
    `data_digest` guards against data that changed between two attempts. With a `tokenizer`, the
    checkpoint is all that `workers.export` needs to make a model's folder of it.
    """

    def __init__(
        self,
        weights: Weights,
        optimizer: torch.optim.Optimizer,
        data_digest: str,
        tokenizer: PreTrainedTokenizerBase | None = None,
        world: World = ALONE,
    ) -> None:
        self._weights, self._optimizer, self._digest = weights, optimizer, data_digest
        self._tokenizer, self._world = tokenizer, world

    def save(self, folder: Path) -> None:
        """Write the trained weights, the moments, sft.json and the tokenizer's files. All ranks
        must call it; rank 0 writes what is not divided."""
        self._weights.save(folder)
        state = self._optimizer.state_dict()["state"]
        tensors = {
            f"{index}.{name}": tensor
            for index, entry in state.items()
            for name, tensor in entry.items()
        }
        save_tensors(tensors, folder, "optimizer", self._world)
        if self._world.first:
            if self._tokenizer is not None:
                self._tokenizer.save_pretrained(folder)
            (folder / "sft.json").write_text(json.dumps({"data_digest": self._digest}))

    def load(self, folder: Path) -> None:
        """Read them back. Raises SweepError when the training data is not the same any more."""
        if json.loads((folder / "sft.json").read_text())["data_digest"] != self._digest:
            raise SweepError(
                "The training data changed since this checkpoint was written. Bring the old file "
                "back, or submit the sweep again."
            )
        self._weights.load(folder)
        state: dict[int, dict[str, Any]] = {}
        found = load_tensors(folder, "optimizer", self._world, self._room)
        for name, tensor in found.items():
            index, _, field = name.partition(".")
            state.setdefault(int(index), {})[field] = tensor
        groups = self._optimizer.state_dict()["param_groups"]
        self._optimizer.load_state_dict({"state": state, "param_groups": groups})

    def _room(self, name: str, size: torch.Size) -> torch.Tensor:
        """A moment is divided as its weight is; a count of steps is the same everywhere."""
        params = [p for group in self._optimizer.param_groups for p in group["params"]]
        like = params[int(name.partition(".")[0])]
        return torch.zeros_like(like) if like.shape == size else torch.zeros(size)


def fingerprint(model: PreTrainedModel, size: int = 4096) -> torch.Tensor:
    """About `size` weights spread over all trained tensors, copied.

    Two of them, before and after an update, tell whether the update rounded to nothing.
    """
    tensors = [own(p.detach()).reshape(-1) for p in model.parameters() if p.requires_grad]
    stride = max(1, sum(map(len, tensors)) // size)
    return torch.cat([tensor[::stride] for tensor in tensors])
