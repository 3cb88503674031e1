"""The base model with its tokenizer: loaded once a worker, the same for every trial."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoModelForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging

from sweeps.errors import Fault, SpecError
from sweeps.faults import shorten
from sweeps.spec import Data, TinyModel
from workers.recipes.parts.adapters import take_off
from workers.recipes.parts.facts import MODEL
from workers.recipes.parts.formats import Example, Pair, read_examples
from workers.recipes.parts.options import plain
from workers.recipes.parts.rows import Source
from workers.recipes.parts.tokenizer import load_tokenizer, train_tokenizer
from workers.roots import DataRoots


@dataclass
class Base:
    """A model that trials train one after the other, and the weights they all start from.

    `spec` is what the workload names it by.
    """

    key: str
    spec: str | TinyModel
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    pristine: dict[str, torch.Tensor]

    def fresh(self) -> PreTrainedModel:
        """The model with its first weights, in training mode, without gradients: nothing of the
        trial before is left, no adapter, no frozen layer, no option."""
        take_off(self.model)
        plain(self.model)
        self.model.load_state_dict(self.pristine)
        self.model.zero_grad(set_to_none=True)
        self.model.train()
        return self.model

    @property
    def limit(self) -> int:
        """The longest sequence the model takes, in tokens."""
        return positions(self.model)


def positions(model: PreTrainedModel) -> int:
    """The longest sequence a model takes, in tokens; 2^31 when it names none."""
    return int(getattr(model.config, "max_position_embeddings", 2**31))


def load_base(
    spec: str | TinyModel,
    data: Data,
    train: Sequence[Source],
    roots: DataRoots,
    cache: dict[str, Any],
    device: str,
    digest: Callable[[Source], str] = Source.digest,
) -> Base:
    """The base of a workload, from the worker's cache when the model's files are the same.

    The cache keeps one base: its first weights stay in main memory, a copy is trained. Raises
    SpecError naming /spec/workload/model.
    """
    name = spec.tokenizer if isinstance(spec, TinyModel) else spec
    folder = roots.find(name, _pointer(spec)) if name else None
    stamp = _stamp(folder) if folder else name or " ".join(map(digest, train))
    key = f"{device} {spec!r} {stamp}"
    if (held := cache.get("sft.base")) is not None and held.key == key:
        base: Base = held
        return base
    cache.pop("sft.base", None)
    if name:
        tokenizer = load_tokenizer(name, folder, _pointer(spec))
    else:
        size = spec.vocab_size if isinstance(spec, TinyModel) else 0
        read = [example for source in train for example in read_examples(source, data)]
        tokenizer = train_tokenizer(_texts(read), size)
    if isinstance(spec, TinyModel):
        model = build_tiny(spec)
        name_specials(model, tokenizer)
    else:
        model = _pretrained(spec, folder)
    if len(tokenizer) > (size := model.get_input_embeddings().num_embeddings):
        message = f"the tokenizer has {len(tokenizer)} tokens, the model only {size}"
        raise SpecError([Fault(MODEL, shorten(name), message, "Name a tokenizer that fits.")])
    pristine = {name: tensor.cpu().clone() for name, tensor in model.state_dict().items()}
    cache["sft.base"] = loaded = Base(key, spec, model.to(device), tokenizer, pristine)
    return loaded


def build_tiny(spec: TinyModel) -> PreTrainedModel:
    """A Llama with random weights that depend on `init_seed` alone.

    The hidden layer of its blocks defaults to Llama's 8/3 of the width, in whole eighths.
    """
    config = LlamaConfig(
        vocab_size=spec.vocab_size,
        hidden_size=spec.hidden_size,
        intermediate_size=spec.intermediate_size or -(-spec.hidden_size // 3) * 8,
        num_hidden_layers=spec.num_hidden_layers,
        num_attention_heads=spec.num_attention_heads,
        max_position_embeddings=spec.max_position_embeddings,
        bos_token_id=None,
        eos_token_id=None,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(spec.init_seed)
        return LlamaForCausalLM(config)


def name_specials(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    """Tell a model that was built from a config which tokens begin, end and pad a text."""
    for config in (model.config, model.generation_config):
        config.bos_token_id = tokenizer.bos_token_id
        config.eos_token_id = tokenizer.eos_token_id
        config.pad_token_id = tokenizer.pad_token_id


def _pretrained(name: str, folder: Path | None) -> PreTrainedModel:
    logging.disable_progress_bar()
    try:
        return AutoModelForCausalLM.from_pretrained(
            folder or name, dtype=torch.float32, use_safetensors=True, trust_remote_code=False
        )
    except (OSError, ValueError) as error:
        mend = "Name a hub id that can be reached, or a folder that save_pretrained wrote."
        message = f"the model cannot be loaded: {error}"
        raise SpecError([Fault(MODEL, shorten(name), message, mend)]) from error


def _pointer(spec: str | TinyModel) -> str:
    return f"{MODEL}/tokenizer" if isinstance(spec, TinyModel) else MODEL


def _stamp(folder: Path) -> str:
    """Names, sizes and times of a folder's files: weights are too large to hash every trial."""
    files = sorted(path for path in folder.iterdir() if path.is_file())
    return " ".join(f"{f.name}:{f.stat().st_size}:{f.stat().st_mtime_ns}" for f in files)


def _texts(examples: list[Example]) -> list[str]:
    texts: list[str] = []
    for example in examples:
        if isinstance(example, Pair):
            texts += [example.prompt, example.completion]
        else:
            texts += [message["content"] for message in example.messages]
    return texts
