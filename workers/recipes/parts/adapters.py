"""Adapters through peft: put on a model in place, taken off again, kept in peft's own files.

`inject_adapter_in_model` instead of `get_peft_model`: the model stays the PreTrainedModel that
loss, generation and sharding know, and nothing but its layers changes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from peft import (
    LoraConfig,
    get_peft_model_state_dict,
    inject_adapter_in_model,
    set_peft_model_state_dict,
)
from peft.tuners.tuners_utils import BaseTunerLayer
from safetensors.torch import load_file, save_file
from transformers import PreTrainedModel

from sweeps.errors import Fault, SpecError
from sweeps.faults import shorten
from sweeps.seeds import generator
from sweeps.sft_parameters import ALL_LINEAR
from sweeps.spec import Adapter, TinyModel

# The names that PeftModel.save_pretrained gives its files, and those of tensors in them.
CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
PREFIX = "base_model.model."
# Beside them, for a model built from a config: what it was built from. No name leads to it.
TINY = "tiny.json"
_MODULES = "/spec/workload/adapter/target_modules"


def put_on(model: PreTrainedModel, adapter: Adapter, seed: int) -> None:
    """Give the model's layers an adapter, freshly drawn from `seed`, and freeze all else.

    Leaves torch's random numbers as they were. Raises SpecError for modules that the model does
    not have, or that can have no adapter; the model is then as it was.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(generator(seed, "sft-adapter", 0).integers(2**63)))
        try:
            inject_adapter_in_model(lora_config(adapter, model), model)
            _all_there(model, adapter.target_modules)
        except ValueError as error:
            take_off(model)
            raise _refused(adapter, str(error)) from error


def take_off(model: PreTrainedModel) -> None:
    """Bring the model's own layers back, all of them to be trained. The weights of the base were
    never changed."""
    wrapped = [(name, m) for name, m in model.named_modules() if isinstance(m, BaseTunerLayer)]
    for name, layer in wrapped:
        parent, _, child = name.rpartition(".")
        setattr(model.get_submodule(parent), child, layer.get_base_layer())
    if hasattr(model, "peft_config"):
        del model.peft_config
    model.requires_grad_(True)


def lora_config(adapter: Adapter, model: PreTrainedModel) -> LoraConfig:
    """peft's configuration of an adapter for this model."""
    return LoraConfig(
        task_type="CAUSAL_LM",
        base_model_name_or_path=model.name_or_path or None,
        r=adapter.r,
        lora_alpha=adapter.lora_alpha,
        lora_dropout=adapter.lora_dropout,
        target_modules=adapter.target_modules,
        use_rslora=adapter.type == "rslora",
        use_dora=adapter.type == "dora",
    )


class AdapterWeights:
    """The adapter that a model wears, as the weights of a checkpoint."""

    file = WEIGHTS.removesuffix(".safetensors")

    def __init__(self, model: PreTrainedModel, built_from: TinyModel | None) -> None:
        self.model, self._built_from = model, built_from

    def save(self, folder: Path) -> None:
        """Write adapter_model.safetensors, as PeftModel.save_pretrained does, and `describe`."""
        whole = {name: tensor.contiguous() for name, tensor in self.tensors().items()}
        save_file(whole, folder / WEIGHTS, metadata={"format": "pt"})
        self.describe(folder)

    def tensors(self) -> dict[str, torch.Tensor]:
        """The adapter's weights, by the names that PeftModel.save_pretrained gives them."""
        tensors: dict[str, torch.Tensor] = get_peft_model_state_dict(
            self.model, save_embedding_layers=False
        )
        return {f"{PREFIX}{name}": tensor for name, tensor in tensors.items()}

    def describe(self, folder: Path) -> None:
        """Write adapter_config.json, and tiny.json where the base has no name."""
        config: LoraConfig = self.model.peft_config["default"]
        plain: dict[str, Any] = {**config.to_dict(), "inference_mode": True}
        # A set has another order in every process.
        plain = {key: sorted(v) if isinstance(v, set) else v for key, v in plain.items()}
        (folder / CONFIG).write_text(json.dumps(plain, indent=2, sort_keys=True))
        if self._built_from is not None:
            (folder / TINY).write_text(self._built_from.model_dump_json())

    def load(self, folder: Path) -> None:
        """Read the adapter's weights back."""
        tensors = load_file(folder / WEIGHTS)
        plain = {name.removeprefix(PREFIX): tensor for name, tensor in tensors.items()}
        set_peft_model_state_dict(self.model, plain)


def _all_there(model: PreTrainedModel, wanted: list[str] | str) -> None:
    """peft passes over a name that fits nothing as long as another does."""
    if wanted == ALL_LINEAR:
        return
    names = [name for name, m in model.named_modules() if isinstance(m, BaseTunerLayer)]
    for name in wanted:
        if not any(found == name or found.endswith(f".{name}") for found in names):
            raise ValueError(f"the model has no module {name}")


def _refused(adapter: Adapter, message: str) -> SpecError:
    mend = "Write all-linear, or names of the model's linear layers, such as q_proj, v_proj."
    value = shorten(adapter.target_modules)
    return SpecError([Fault(_MODULES, value, f"no adapter can be put on: {message}", mend)])
