"""The weights of a checkpoint as a folder that `from_pretrained` reads.

`python -m workers.export [--merged] CHECKPOINT OUT`: CHECKPOINT is a folder or an fsspec URL, as
the sweep's message and the tag `sweep.checkpoint` in MLflow name it; OUT is a new folder. An
adapter stays one, with --merged it is added to its base. For the recipe sft.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from peft import PeftConfig, PeftModel
from safetensors.torch import load_model
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    GenerationConfig,
    PreTrainedModel,
)

from sweeps.errors import SweepError
from sweeps.spec import TinyModel
from workers.checkpoints import is_whole
from workers.mirror import Mirror
from workers.recipes.parts.adapters import CONFIG as ADAPTER_CONFIG
from workers.recipes.parts.adapters import TINY
from workers.recipes.parts.adapters import WEIGHTS as ADAPTER_WEIGHTS
from workers.recipes.parts.models import build_tiny, name_specials

WEIGHTS = "model.safetensors"
# Files of this size go through any proxy and object store.
SHARD = "5GB"


class ExportError(SweepError):
    """A checkpoint that is not there, is torn, or holds no model; a base that cannot be loaded."""


def export(checkpoint: str, out: Path, *, merged: bool = False) -> None:
    """Write model, tokenizer and their settings to `out`, as `save_pretrained` does.

    An adapter is written as peft does, unless it is to be `merged`, or its base was built from a
    config: no name leads to that one, so what is written is the whole model. Raises ExportError.
    """
    if out.exists() and any(out.iterdir()):
        raise ExportError(f"{out} is not empty. Name a new folder.")
    if "://" not in checkpoint:
        _write(Path(checkpoint), out, merged)
        return
    with TemporaryDirectory() as folder:
        where, _, name = checkpoint.rstrip("/").rpartition("/")
        try:
            found = Mirror(where).fetch(name, Path(folder))
        except FileNotFoundError as error:
            raise ExportError(f"There is no checkpoint at {checkpoint}.") from error
        _write(found or Path(folder) / name, out, merged)


def _write(folder: Path, out: Path, merged: bool) -> None:
    try:
        whole = is_whole(folder)
    except OSError as error:
        raise ExportError(f"{folder} cannot be read: {error}. Try again when it can.") from error
    if not whole:
        raise ExportError(
            f"{folder} is no whole checkpoint: its files are not those of its manifest. "
            "Name a folder step-NNNNNNNN as the sweep wrote it."
        )
    if (folder / ADAPTER_CONFIG).exists():
        if merged or (folder / TINY).exists():
            _merged(folder).save_pretrained(out, max_shard_size=SHARD)
        else:
            out.mkdir(parents=True, exist_ok=True)
            for name in (ADAPTER_CONFIG, ADAPTER_WEIGHTS):
                shutil.copyfile(folder / name, out / name)
    elif (folder / WEIGHTS).exists() and (folder / "config.json").exists():
        _whole(folder).save_pretrained(out, max_shard_size=SHARD)
    else:
        raise ExportError(f"{folder} holds no model of the recipe sft. Read it with your recipe.")
    if (folder / "tokenizer_config.json").exists():
        AutoTokenizer.from_pretrained(folder).save_pretrained(out)


def _whole(folder: Path) -> PreTrainedModel:
    model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder))
    load_model(model, str(folder / WEIGHTS))
    if (folder / "generation_config.json").exists():
        model.generation_config = GenerationConfig.from_pretrained(folder)
    return model


def _merged(folder: Path) -> PreTrainedModel:
    """The base with the adapter added to its weights."""
    if (folder / TINY).exists():
        base = build_tiny(TinyModel.model_validate_json((folder / TINY).read_text()))
        name_specials(base, AutoTokenizer.from_pretrained(folder))
    else:
        base = _base(PeftConfig.from_pretrained(folder).base_model_name_or_path)
    return PeftModel.from_pretrained(base, folder).merge_and_unload()


def _base(name: str) -> PreTrainedModel:
    try:
        return AutoModelForCausalLM.from_pretrained(
            name, dtype=torch.float32, use_safetensors=True, trust_remote_code=False
        )
    except (OSError, ValueError) as error:
        raise ExportError(
            f"The base of this adapter, {name}, cannot be loaded: {error}. "
            "Bring it there, or export the adapter without --merged."
        ) from error


def main(words: Sequence[str]) -> int:
    """Export as the words say; 0, 1 with a sentence on stderr, or 2 for other words."""
    places = [word for word in words if word != "--merged"]
    if len(places) != 2:
        sys.stderr.write("usage: python -m workers.export [--merged] CHECKPOINT OUT\n")
        return 2
    try:
        export(places[0], Path(places[1]), merged="--merged" in words)
    except SweepError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
