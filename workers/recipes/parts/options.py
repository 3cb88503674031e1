"""How a model runs, by `workload.options`: time against memory, results only by rounding."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import nn
from transformers import PreTrainedModel

from workers.recipes.parts.layers import layers_of

Evaluate = Callable[[], Mapping[str, float]]


def apply_options(model: PreTrainedModel, options: Mapping[str, object]) -> None:
    """Run the model as the options say. `plain` undoes all of it."""
    if options.get("gradient_checkpointing"):
        # Activations are computed again in the backward pass.
        model.activation_checkpointing_enable()
    if options.get("torch_compile"):
        # Each layer by itself: all of them share one compiled code, ready in seconds.
        torch.compiler.reset()
        for layer in _compilable(model):
            layer.compile(dynamic=True)


def plain(model: PreTrainedModel) -> None:
    """Run the model as it came."""
    model.activation_checkpointing_disable()
    for layer in _compilable(model):
        # torch has no public way back from `Module.compile`; this is what it sets.
        layer._compiled_call_impl = None


def eager(evaluate: Evaluate, options: Mapping[str, object]) -> Evaluate:
    """`evaluate` without compiled code: a cache of keys that grows would compile it again."""
    if not options.get("torch_compile"):
        return evaluate

    def evaluated() -> Mapping[str, float]:
        with torch.compiler.set_stance("force_eager"):
            return evaluate()

    return evaluated


def _compilable(model: PreTrainedModel) -> list[nn.Module]:
    """The layers, or else the whole model."""
    found = layers_of(model)
    return list(found[1]) if found is not None else [model]
