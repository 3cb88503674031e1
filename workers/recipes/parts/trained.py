"""What of a model a trial trains: all of it, its last layers, or an adapter."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Protocol

import torch
from safetensors.torch import load_model, save_model
from transformers import PreTrainedModel

from sweeps.adapters import adapter_of
from sweeps.errors import Fault, SpecError
from sweeps.spec import TinyModel, Workload
from sweeps.trial import Params
from workers.recipes.parts.adapters import AdapterWeights, put_on
from workers.recipes.parts.layers import layers_of
from workers.recipes.parts.models import Base


class Weights(Protocol):
    """A model, and the weights of it that a checkpoint holds.

    `file` is the name of the file they go to, without its ending; `save` writes it and what
    `describe` does. `tensors` are the model's own, by their names in that file.
    """

    model: PreTrainedModel
    file: str

    def save(self, folder: Path) -> None: ...

    def load(self, folder: Path) -> None: ...

    def describe(self, folder: Path) -> None: ...

    def tensors(self) -> dict[str, torch.Tensor]: ...


class WholeModel:
    """A model whose own weights are trained, as the weights of a checkpoint."""

    file = "model"

    def __init__(self, model: PreTrainedModel) -> None:
        self.model = model

    def save(self, folder: Path) -> None:
        """Write model.safetensors, and what the model is beside its weights."""
        self.describe(folder)
        save_model(self.model, str(folder / "model.safetensors"))

    def describe(self, folder: Path) -> None:
        """Write what the model is beside its weights."""
        self.model.config.save_pretrained(folder)
        if self.model.generation_config is not None:
            self.model.generation_config.save_pretrained(folder)

    def tensors(self) -> dict[str, torch.Tensor]:
        """All weights; of tied ones the first name by the alphabet, which is `save_model`'s too."""
        named = sorted(self.model.state_dict(keep_vars=True).items())
        first = {id(tensor): name for name, tensor in reversed(named)}
        return {name: tensor.detach() for name, tensor in named if first[id(tensor)] == name}

    def load(self, folder: Path) -> None:
        """Read the weights back."""
        load_model(self.model, str(folder / "model.safetensors"))


def trained_weights(base: Base, workload: Workload, params: Params, seed: int) -> Weights:
    """The base's model, fresh, with what this configuration trains of it and all else frozen.

    `seed` draws an adapter's first weights. Raises SpecError for an adapter that does not fit.
    """
    model = base.fresh()
    adapter = adapter_of(workload, params)
    if adapter is None:
        freeze(model, float(params.get("trainable_fraction", 1.0)))
        return WholeModel(model)
    put_on(model, adapter, seed)
    return AdapterWeights(model, base.spec if isinstance(base.spec, TinyModel) else None)


def freeze(model: PreTrainedModel, fraction: float) -> None:
    """Leave only the last `fraction` of the layers to be trained, rounded up to whole ones, with
    all that comes behind them: the last norm, and the output head unless it is the embeddings.

    A fraction of 1 trains everything. Raises SpecError for a model whose layers are not found.
    """
    if fraction >= 1:
        return
    found = layers_of(model)
    if found is None:
        message = "the layers of this model are not known"
        place = "/spec/parameters/trainable_fraction"
        raise SpecError([Fault(place, f"{fraction:g}", message, "Take it out, or write 1.")])
    holder, layers = found
    model.base_model.requires_grad_(False)
    for layer in layers[-math.ceil(fraction * len(layers)) :]:
        layer.requires_grad_(True)
    children = list(holder.children())
    # Modules stand in the order in which they are passed through.
    for behind in children[children.index(layers) + 1 :]:
        behind.requires_grad_(True)
