"""One device; what several write and read is in test_slices.py."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file

from workers.recipes.parts.files import load_into, load_tensors, save_tensors
from workers.recipes.world import ALONE

TENSORS = {"a": torch.arange(6.0).reshape(3, 2).T, "step": torch.tensor(4.0)}


def no_room(name: str, size: torch.Size) -> torch.Tensor:
    raise AssertionError("one device reads its own file as it is")


def test_one_device_writes_one_plain_file(tmp_path: Path) -> None:
    save_tensors(TENSORS, tmp_path, "moments", ALONE)
    assert [path.name for path in tmp_path.iterdir()] == ["moments.safetensors"]
    read = load_file(tmp_path / "moments.safetensors")
    again = load_tensors(tmp_path, "moments", ALONE, no_room)
    for name, tensor in TENSORS.items():
        assert torch.equal(read[name], tensor)
        assert torch.equal(again[name], tensor)


def test_tensors_that_are_there_are_filled(tmp_path: Path) -> None:
    save_tensors(TENSORS, tmp_path, "moments", ALONE)
    # Beside others of the checkpoint: only what is asked for is read.
    save_tensors({"b": torch.ones(2)}, tmp_path, "model", ALONE)
    there = {"a": torch.zeros(2, 3)}
    kept = there["a"]
    load_into(there, tmp_path, "moments")
    assert torch.equal(kept, TENSORS["a"])
