"""The state of a run on disk: safetensors for tensors, JSON for the rest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, load_model, save_file, save_model
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from sweeps.errors import SweepError


class TrainingState:
    """Saves and loads what a run needs to go on bit for bit: weights and AdamW's moments.

    There is no random state to save: order, dropout and rate are functions of seed and step.
    `data_digest` guards against data that changed between two attempts. With a `tokenizer`, the
    checkpoint is all that `workers.export` needs to make a model's folder of it.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        optimizer: torch.optim.Optimizer,
        data_digest: str,
        tokenizer: PreTrainedTokenizerBase | None = None,
    ) -> None:
        self._model, self._optimizer, self._digest = model, optimizer, data_digest
        self._tokenizer = tokenizer

    def save(self, folder: Path) -> None:
        """Write model.safetensors, optimizer.safetensors, sft.json, and what the model and its
        tokenizer are beside their weights."""
        self._model.config.save_pretrained(folder)
        if self._model.generation_config is not None:
            self._model.generation_config.save_pretrained(folder)
        if self._tokenizer is not None:
            self._tokenizer.save_pretrained(folder)
        save_model(self._model, str(folder / "model.safetensors"))
        state = self._optimizer.state_dict()["state"]
        tensors = {
            f"{index}.{name}": tensor.contiguous()
            for index, entry in state.items()
            for name, tensor in entry.items()
        }
        save_file(tensors, folder / "optimizer.safetensors")
        (folder / "sft.json").write_text(json.dumps({"data_digest": self._digest}))

    def load(self, folder: Path) -> None:
        """Read them back. Raises SweepError when the training data is not the same any more."""
        if json.loads((folder / "sft.json").read_text())["data_digest"] != self._digest:
            raise SweepError(
                "The training data changed since this checkpoint was written. Bring the old file "
                "back, or submit the sweep again."
            )
        load_model(self._model, str(folder / "model.safetensors"))
        state: dict[int, dict[str, Any]] = {}
        for name, tensor in load_file(folder / "optimizer.safetensors").items():
            index, _, field = name.partition(".")
            state.setdefault(int(index), {})[field] = tensor
        groups = self._optimizer.state_dict()["param_groups"]
        self._optimizer.load_state_dict({"state": state, "param_groups": groups})


def fingerprint(model: PreTrainedModel, size: int = 4096) -> torch.Tensor:
    """About `size` weights spread over all trained tensors, copied.

    Two of them, before and after an update, tell whether the update rounded to nothing.
    """
    tensors = [p.detach().reshape(-1) for p in model.parameters() if p.requires_grad]
    stride = max(1, sum(map(len, tensors)) // size)
    return torch.cat([tensor[::stride] for tensor in tensors])
