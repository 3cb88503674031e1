from __future__ import annotations

import pytest
from recipe_support import TINY
from transformers import GPT2Config, GPT2LMHeadModel, OPTConfig, OPTForCausalLM, PreTrainedModel

from sweeps.spec import TinyModel
from workers.recipes.parts.layers import layers_of
from workers.recipes.parts.models import build_tiny

LLAMA = build_tiny(TinyModel.model_validate({**TINY, "num_hidden_layers": 3}))
GPT2 = GPT2LMHeadModel(GPT2Config(vocab_size=64, n_embd=8, n_layer=3, n_head=2, n_positions=16))
OPT = OPTForCausalLM(
    OPTConfig(
        vocab_size=64, hidden_size=8, num_hidden_layers=3, ffn_dim=8, num_attention_heads=2,
        max_position_embeddings=16, word_embed_proj_dim=8,
    )
)  # fmt: skip


@pytest.mark.parametrize("model", [LLAMA, GPT2, OPT], ids=["llama", "gpt2", "opt"])
def test_layers_are_found_whatever_they_are_called(model: PreTrainedModel) -> None:
    found = layers_of(model)
    assert found is not None
    holder, layers = found
    assert len(layers) == 3
    assert layers in list(holder.children())


def test_a_model_without_such_a_list_has_none() -> None:
    model = build_tiny(TinyModel.model_validate(TINY))
    model.config.num_hidden_layers = 5
    assert layers_of(model) is None
