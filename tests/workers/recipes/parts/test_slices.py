from __future__ import annotations

from pathlib import Path

import pytest
import torch
from ranked import on_ranks, slice_up

from workers.recipes.parts.files import load_tensors
from workers.recipes.parts.slices import cut, own, whole
from workers.recipes.world import ALONE


def test_a_tensor_that_is_not_divided_stays_as_it_is() -> None:
    tensor = torch.arange(3.0)
    assert own(tensor) is tensor
    assert whole(tensor) is tensor
    assert cut(tensor, torch.zeros(3)) is tensor


@pytest.mark.parametrize("rows", [2, 7])
def test_slices_of_all_ranks_are_the_whole(tmp_path: Path, rows: int) -> None:
    """Of 2 rows the third of three ranks holds none; of 7 they hold 3, 3 and 1."""
    said = on_ranks(3, tmp_path, slice_up, tmp_path, rows)
    full = torch.arange(rows * 2.0).reshape(rows, 2)
    assert torch.equal(torch.cat([torch.tensor(s["own"]).reshape(-1, 2) for s in said]), full)
    for rank in said:
        assert rank["whole"] == full.tolist()
        assert rank["back"] == rank["own"]
        assert rank["count"] == 7.0
    # One device reads what three have written, and they read what it would write.
    found = load_tensors(tmp_path, "moments", ALONE, lambda _, size: torch.zeros(size))
    assert torch.equal(found["a"], full)
    assert found["step"].item() == 7.0
