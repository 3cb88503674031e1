"""The weights of a checkpoint as a folder that `from_pretrained` reads.

`python -m workers.export CHECKPOINT OUT`: CHECKPOINT is a folder or an fsspec URL, as the sweep's
message and the tag `sweep.checkpoint` in MLflow name it; OUT is a new folder. For the recipe sft.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from safetensors.torch import load_model
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, GenerationConfig

from sweeps.errors import SweepError
from workers.checkpoints import is_whole
from workers.mirror import Mirror

WEIGHTS = "model.safetensors"


class ExportError(SweepError):
    """A checkpoint that is not there, is torn, or holds no model."""


def export(checkpoint: str, out: Path) -> None:
    """Write model, tokenizer and their settings to `out`, as `save_pretrained` does.

    Raises ExportError.
    """
    if out.exists() and any(out.iterdir()):
        raise ExportError(f"{out} is not empty. Name a new folder.")
    if "://" not in checkpoint:
        _write(Path(checkpoint), out)
        return
    with TemporaryDirectory() as folder:
        where, _, name = checkpoint.rstrip("/").rpartition("/")
        try:
            found = Mirror(where).fetch(name, Path(folder))
        except FileNotFoundError as error:
            raise ExportError(f"There is no checkpoint at {checkpoint}.") from error
        _write(found or Path(folder) / name, out)


def _write(folder: Path, out: Path) -> None:
    if not is_whole(folder):
        raise ExportError(
            f"{folder} is no whole checkpoint: its files are not those of its manifest. "
            "Name a folder step-NNNNNNNN as the sweep wrote it."
        )
    if not (folder / WEIGHTS).exists() or not (folder / "config.json").exists():
        raise ExportError(f"{folder} holds no model of the recipe sft. Read it with your recipe.")
    config = AutoConfig.from_pretrained(folder)
    model = AutoModelForCausalLM.from_config(config)
    load_model(model, str(folder / WEIGHTS))
    if (folder / "generation_config.json").exists():
        model.generation_config = GenerationConfig.from_pretrained(folder)
    model.save_pretrained(out)
    if (folder / "tokenizer_config.json").exists():
        AutoTokenizer.from_pretrained(folder).save_pretrained(out)


def main(words: Sequence[str]) -> int:
    """Export as the words say; 0, 1 with a sentence on stderr, or 2 for other words."""
    if len(words) != 2:
        sys.stderr.write("usage: python -m workers.export CHECKPOINT OUT\n")
        return 2
    try:
        export(words[0], Path(words[1]))
    except SweepError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
