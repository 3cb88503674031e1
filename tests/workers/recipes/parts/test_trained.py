from __future__ import annotations

import pytest
import torch
from recipe_support import TINY
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedModel

from sweeps.errors import SpecError
from sweeps.spec import TinyModel
from workers.recipes.parts.models import build_tiny
from workers.recipes.parts.trained import freeze


def trained(model: PreTrainedModel) -> set[str]:
    return {n.rpartition(".weight")[0] for n, p in model.named_parameters() if p.requires_grad}


def four_layers() -> PreTrainedModel:
    return build_tiny(TinyModel.model_validate({**TINY, "num_hidden_layers": 4}))


@pytest.mark.parametrize(
    ("fraction", "layers"), [(0.01, {"3"}), (0.25, {"3"}), (0.26, {"2", "3"}), (0.99, set("0123"))]
)
def test_the_last_layers_are_trained_and_what_comes_behind_them(
    fraction: float, layers: set[str]
) -> None:
    model = four_layers()
    freeze(model, fraction)
    found = trained(model)
    assert {name.split(".")[2] for name in found if "layers" in name} == layers
    assert {name for name in found if "layers" not in name} == {"model.norm", "lm_head"}
    model(input_ids=torch.arange(8)[None], labels=torch.arange(8)[None]).loss.backward()
    assert {name for name, p in model.named_parameters() if p.grad is not None} == {
        f"{name}.weight" for name in found
    }


def test_all_of_it_is_trained_at_one() -> None:
    model = four_layers()
    freeze(model, 1.0)
    assert all(p.requires_grad for p in model.parameters())


def test_a_head_that_is_the_embeddings_is_frozen_with_them() -> None:
    config = GPT2Config(vocab_size=64, n_embd=8, n_layer=2, n_head=2, n_positions=16)
    model = GPT2LMHeadModel(config)
    freeze(model, 0.5)
    found = {name.removeprefix("transformer.").split(".")[0] for name in trained(model) if name}
    assert found <= {"h", "ln_f"}
    assert not model.transformer.wte.weight.requires_grad
    assert not any(p.requires_grad for p in model.transformer.h[0].parameters())


def test_a_model_without_known_layers_is_refused() -> None:
    model = four_layers()
    model.config.num_hidden_layers = 3
    with pytest.raises(SpecError, match="trainable_fraction"):
        freeze(model, 0.5)
