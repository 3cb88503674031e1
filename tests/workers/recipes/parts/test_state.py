from __future__ import annotations

from pathlib import Path

import pytest
import torch
from recipe_support import TINY
from safetensors.torch import load_file

from sweeps.errors import SweepError
from sweeps.spec import TinyModel
from workers.recipes.parts.models import build_tiny
from workers.recipes.parts.state import TrainingState, fingerprint
from workers.recipes.parts.trained import WholeModel


def trained(seed: int, steps: int, tied: bool = False) -> tuple[torch.nn.Module, torch.optim.AdamW]:
    model = build_tiny(TinyModel.model_validate({**TINY, "init_seed": seed}))
    if tied:
        model.config.tie_word_embeddings = True
        model.tie_weights()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    for _ in range(steps):
        model(input_ids=torch.arange(8)[None], labels=torch.arange(8)[None]).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return model, optimizer


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("steps", [0, 3])
def test_weights_and_moments_come_back_bit_for_bit(tmp_path: Path, steps: int, tied: bool) -> None:
    model, optimizer = trained(1, steps, tied)
    TrainingState(WholeModel(model), optimizer, "d").save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "config.json", "generation_config.json",
        "model.safetensors", "optimizer.safetensors", "sft.json",
    ]  # fmt: skip
    other, moments = trained(2, 0, tied)
    TrainingState(WholeModel(other), moments, "d").load(tmp_path)
    for (name, left), right in zip(
        model.state_dict().items(), other.state_dict().values(), strict=True
    ):
        assert torch.equal(left, right), name
    left, right = optimizer.state_dict()["state"], moments.state_dict()["state"]
    assert left.keys() == right.keys()
    for index in left:
        assert all(torch.equal(left[index][k], right[index][k]) for k in left[index])
    assert len(left) == (0 if steps == 0 else len(list(model.parameters())))


def test_tied_weights_are_stored_once_and_stay_tied(tmp_path: Path) -> None:
    model, optimizer = trained(1, 1, tied=True)
    TrainingState(WholeModel(model), optimizer, "d").save(tmp_path)
    stored = load_file(tmp_path / "model.safetensors").keys()
    assert len({"lm_head.weight", "model.embed_tokens.weight"} & stored) == 1
    other, moments = trained(2, 0, tied=True)
    TrainingState(WholeModel(other), moments, "d").load(tmp_path)
    assert other.lm_head.weight is other.model.embed_tokens.weight


def test_other_data_is_refused(tmp_path: Path) -> None:
    model, optimizer = trained(1, 0)
    TrainingState(WholeModel(model), optimizer, "old").save(tmp_path)
    with pytest.raises(SweepError, match="training data changed"):
        TrainingState(WholeModel(model), optimizer, "new").load(tmp_path)


def test_a_fingerprint_sees_an_update_of_any_tensor() -> None:
    model, _ = trained(1, 0)
    before = fingerprint(model)
    assert torch.equal(before, fingerprint(model))
    for parameter in model.parameters():
        first = fingerprint(model)
        parameter.data.mul_(1.01)
        assert not torch.equal(first, fingerprint(model))
    assert not torch.equal(before, fingerprint(model))


def test_a_fingerprint_is_small_for_a_large_model() -> None:
    model = torch.nn.Linear(2000, 2000)
    assert 4000 <= len(fingerprint(model)) <= 4300
    assert len(fingerprint(torch.nn.Linear(3, 2))) == 8
