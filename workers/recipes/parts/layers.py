"""Where the layers of a transformer are, whatever its architecture calls them."""

from __future__ import annotations

from torch import nn
from transformers import PreTrainedModel


def layers_of(model: PreTrainedModel) -> tuple[nn.Module, nn.ModuleList] | None:
    """The module that holds the model's layers, and these, first to last: the list of modules that
    is as long as the config says. None when there is no such list."""
    count = getattr(model.config, "num_hidden_layers", None)
    for holder in model.base_model.modules():
        for child in holder.children():
            if isinstance(child, nn.ModuleList) and len(child) == count:
                return holder, child
    return None
