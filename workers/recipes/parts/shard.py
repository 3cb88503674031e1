"""One model over several devices: FSDP2 (`torch.distributed.fsdp.fully_shard`).

Each rank holds a slice of every weight, gradient and moment; a layer is put together while it
computes. Weights are gathered in float32, so that the arithmetic is that of one device. On one
device none of this is touched.

What a worker keeps: the base in main memory, whole, on every rank, and the divided model on the
devices. The next trial of the same shape copies its slices into it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.distributed.fsdp import FSDPModule, fully_shard
from transformers import PreTrainedModel

from sweeps.adapters import adapter_of
from workers.recipes.context import Context
from workers.recipes.group import Group
from workers.recipes.parts.files import load_into, save_whole
from workers.recipes.parts.layers import layers_of
from workers.recipes.parts.memory import reclaim
from workers.recipes.parts.models import Base
from workers.recipes.parts.options import plain
from workers.recipes.parts.slices import cut, own
from workers.recipes.parts.trained import Weights


@dataclass(frozen=True)
class _Divided:
    """A divided model that stays on the devices between trials, and what it was divided for."""

    key: str
    model: PreTrainedModel


def divided(weights: Weights, base: Base, context: Context) -> Weights:
    """The same weights over all devices of the trial; as they are where it has one.

    `weights` are those of the base, in main memory and equal on all ranks.
    """
    world = context.world
    if not isinstance(world, Group):
        return weights
    key = _shape(weights.model, base, context)
    held: _Divided | None = context.cache.get("sft.divided")
    if held is not None and held.key != key:
        # The old one goes first: two do not fit.
        del context.cache["sft.divided"]
        held = None
        reclaim()
    if held is None:
        context.cache["sft.divided"] = held = _Divided(key, _divide(weights.model, world))
    else:
        plain(held.model)
        _fill(held.model, weights.model)
    held.model.zero_grad(set_to_none=True)
    held.model.train()
    over = copy.copy(weights)
    over.model = held.model
    return DividedWeights(over, world)


class DividedWeights:
    """Weights of which each rank holds slices, as those of a checkpoint. Their file is the one that
    a single device writes."""

    def __init__(self, weights: Weights, world: Group) -> None:
        self.model, self.file = weights.model, weights.file
        self._weights, self._world = weights, world

    def save(self, folder: Path) -> None:
        """Write the file together; rank 0 what belongs beside it. All ranks must call it."""
        if self._world.first:
            self.describe(folder)
        save_whole(self.tensors(), folder, self.file, self._world)

    def load(self, folder: Path) -> None:
        """Read this rank's slices back."""
        load_into(self.tensors(), folder, self.file)

    def describe(self, folder: Path) -> None:
        """Write what the model is beside its weights."""
        self._weights.describe(folder)

    def tensors(self) -> dict[str, torch.Tensor]:
        """The tensors by their names in the file, each divided."""
        return self._weights.tensors()


def _shape(model: PreTrainedModel, base: Base, context: Context) -> str:
    """All about the model but the values of its tensors."""
    trained = [name for name, tensor in model.named_parameters() if tensor.requires_grad]
    # A rank's worth of weights is the same for any dropout and scale, but they stand in the layers.
    adapter = (
        adapter_of(context.workload, context.params) if hasattr(model, "peft_config") else None
    )
    return f"{base.key} {adapter!r} {trained}"


def _divide(whole: PreTrainedModel, world: Group) -> PreTrainedModel:
    model = copy.deepcopy(whole)
    # A model whose layers are not known is gathered as a whole at every pass: right, not lean.
    _, layers = layers_of(model) or (model, [])
    for layer in layers:
        fully_shard(layer, mesh=world.mesh)
    fully_shard(model, mesh=world.mesh)
    for module in _parts(model):
        # The loss is divided by the tokens of the whole batch, so gradients are summed, not
        # averaged. gloo has no other reduction either.
        module.set_gradient_divide_factor(1.0)
        module.set_force_sum_reduction_for_comms(True)
    return model


def _fill(model: PreTrainedModel, whole: PreTrainedModel) -> None:
    """Copy the values of `whole` into this rank's slices."""
    source = whole.state_dict()
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            own(tensor).copy_(cut(source[name], tensor))


@contextmanager
def _gathered(model: PreTrainedModel) -> Iterator[None]:
    """Every rank holds all weights meanwhile, and computes without the others."""
    parts = list(_parts(model))
    for part in parts:
        part.set_reshard_after_forward(False, recurse=False)
        part.unshard()
    try:
        yield
    finally:
        for part in parts:
            part.reshard()
            # FSDP2's default: the root is needed first by the backward pass that follows.
            part.set_reshard_after_forward(part is not model, recurse=False)


def measured(
    evaluate: Callable[[], Mapping[str, float]], model: PreTrainedModel, context: Context
) -> Mapping[str, float]:
    """What an evaluation of the model finds, on every rank.

    With several ranks rank 0 evaluates, with all weights gathered on its device, and the others
    wait: the same numbers as on one device and any code inside, generation too, at the price of
    the memory for whole weights and of devices that idle meanwhile.
    """
    if context.world.size == 1:
        return evaluate()
    with _gathered(model):
        return context.world.tell(dict(evaluate()) if context.world.first else {})


def _parts(model: PreTrainedModel) -> Iterator[FSDPModule]:
    return (module for module in model.modules() if isinstance(module, FSDPModule))
