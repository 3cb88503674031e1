"""Named tensors on disk, as safetensors: one file, or one of each rank with its slices.

Several ranks write and read through torch.distributed.checkpoint. Whatever wrote them, any number
of ranks reads them: a run that was saved on two devices goes on, on one or on four.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch.distributed.checkpoint.hf_storage import (
    HuggingFaceStorageReader,
    HuggingFaceStorageWriter,
)
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save

from workers.recipes.group import Group
from workers.recipes.world import World

Tensors = dict[str, torch.Tensor]
# The empty tensor that one of this name and shape is read into, divided as this rank needs it.
Room = Callable[[str, torch.Size], torch.Tensor]
# What torch's writer calls the one file that it makes of all ranks' slices.
_WHOLE = "model-00001-of-00001.safetensors"


def save_tensors(
    tensors: Mapping[str, torch.Tensor], folder: Path, name: str, world: World
) -> None:
    """Write `name`.safetensors, or with several ranks a folder `name` of their slices."""
    if isinstance(world, Group):
        writer = HuggingFaceStorageWriter(str(folder / name), save_distributed=True)
        save(dict(tensors), storage_writer=writer, process_group=world.words)
    else:
        whole = {key: tensor.contiguous() for key, tensor in tensors.items()}
        save_file(whole, folder / f"{name}.safetensors")


def save_whole(tensors: Mapping[str, torch.Tensor], folder: Path, name: str, world: Group) -> None:
    """Write one `name`.safetensors of all ranks' slices, as other programs read it."""
    draft = folder / f"{name}.draft"
    writer = HuggingFaceStorageWriter(str(draft), save_distributed=True, enable_consolidation=True)
    save(dict(tensors), storage_writer=writer, process_group=world.words)
    if world.first:
        (draft / _WHOLE).rename(folder / f"{name}.safetensors")
        shutil.rmtree(draft)


def load_tensors(folder: Path, name: str, world: World, room: Room) -> Tensors:
    """What was written as `name`, each tensor in the `room` for it. A rank reads its slices alone,
    whatever the others do."""
    if world.size == 1 and _place(folder, name) == folder:
        return load_file(folder / f"{name}.safetensors")
    tensors = {key: room(key, size) for key, size in _sizes(folder, name).items()}
    load_into(tensors, folder, name)
    return tensors


def load_into(tensors: Tensors, folder: Path, name: str) -> None:
    """Read what was written as `name` into tensors that are there. Raises CheckpointException for
    one that was not written."""
    reader = HuggingFaceStorageReader(str(_place(folder, name)))
    load(tensors, storage_reader=reader, no_dist=True)


def _place(folder: Path, name: str) -> Path:
    slices = folder / name
    return slices if slices.is_dir() else folder


def _sizes(folder: Path, name: str) -> dict[str, torch.Size]:
    place = _place(folder, name)
    if place == folder:
        with safe_open(folder / f"{name}.safetensors", framework="pt") as file:
            names = list(file.keys())
            return {key: torch.Size(file.get_slice(key).get_shape()) for key in names}
    # Typed for any object; a safetensors file holds nothing but tensors.
    found: dict[str, Any] = dict(
        HuggingFaceStorageReader(str(place)).read_metadata().state_dict_metadata
    )
    return {key: data.size for key, data in found.items()}
