from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import (
    BloomConfig,
    BloomForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedModel,
)

from sweeps.errors import SpecError
from workers.recipes.parts.packing import (
    ATTENTION,
    choose_packing,
    pack,
    packed_inputs,
    positions,
    why_not,
)

SIZE: dict[str, Any] = {
    "vocab_size": 50, "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2,
}  # fmt: skip
SEGMENTS = (5, 1, 9, 3)


def llama(**changes: Any) -> LlamaForCausalLM:
    torch.manual_seed(0)
    return LlamaForCausalLM(LlamaConfig(**SIZE, **changes)).eval()


def row(seed: int = 0) -> torch.Tensor:
    return torch.randint(0, 50, (1, sum(SEGMENTS)), generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("tokens", [60, 100, 1000])
def test_rows_hold_everything_once_and_are_not_too_full(tokens: int) -> None:
    lengths = np.random.default_rng(1).integers(1, 60, 80).tolist()
    rows = pack(lengths, tokens)
    assert sorted(place for row in rows for place in row) == list(range(80))
    sums = [sum(lengths[place] for place in row) for row in rows]
    assert max(sums) <= tokens
    # First fit: no two rows could have been one. (All but one are more than half full.)
    assert sum(total * 2 <= tokens for total in sums) <= 1


def test_what_is_too_long_for_a_row_has_one_of_its_own() -> None:
    assert pack([3, 9, 3], 6) == [[1], [0, 2]]


def test_positions_start_anew() -> None:
    assert positions((3, 1, 2)).tolist() == [[0, 1, 2, 0, 0, 1]]


def test_packed_examples_are_given_what_they_get_alone() -> None:
    model = llama()
    assert choose_packing(model, None, 9)
    ids = row()
    with torch.no_grad():
        packed = model(ids, **packed_inputs(SEGMENTS, "cpu")).logits[0].split(SEGMENTS)
        for part, alone in zip(ids[0].split(SEGMENTS), packed, strict=True):
            torch.testing.assert_close(model(part[None]).logits[0], alone, rtol=1e-4, atol=1e-5)


def test_no_example_sees_another() -> None:
    """Changing one segment changes no bit of the others, forward or backward."""
    model = llama()
    choose_packing(model, True, 9)
    ids, other = row(), row()
    other[0, 6:15] = (other[0, 6:15] + 7) % 50
    with torch.no_grad():
        first, second = (model(i, **packed_inputs(SEGMENTS, "cpu")).logits[0] for i in (ids, other))
    assert torch.equal(first[:6], second[:6])
    assert torch.equal(first[15:], second[15:])
    assert not torch.equal(first[6:15], second[6:15])
    embedded = model.get_input_embeddings()(ids).detach().requires_grad_()
    logits = model(inputs_embeds=embedded, **packed_inputs(SEGMENTS, "cpu")).logits
    logits[0, 6:15].sum().backward()
    assert embedded.grad is not None
    touched = embedded.grad[0].abs().sum(-1) > 0
    assert touched.tolist() == [False] * 6 + [True] * 9 + [False] * 3


def test_recomputed_activations_know_the_segments_too() -> None:
    grads = []
    for saving in (False, True):
        model = llama().train()
        choose_packing(model, True, 9)
        if saving:
            model.activation_checkpointing_enable()
        model(row(), **packed_inputs(SEGMENTS, "cpu")).logits.square().sum().backward()
        grads.append([p.grad for p in model.parameters()])
    assert all(torch.equal(left, right) for left, right in zip(*grads, strict=True))


def test_padded_rows_are_as_before() -> None:
    model, mask = llama(), torch.ones(2, 6, dtype=torch.int64)
    mask[1, 4:] = 0
    ids = row()[0, :12].view(2, 6)
    before = model(ids, attention_mask=mask).logits
    choose_packing(model, True, 9)
    assert torch.equal(model(ids, attention_mask=mask).logits, before)


def test_a_saved_model_does_not_name_our_attention(tmp_path: Path) -> None:
    model = llama()
    choose_packing(model, True, 9)
    model.save_pretrained(tmp_path)
    assert ATTENTION not in json.dumps(json.loads((tmp_path / "config.json").read_text()))


def test_trying_changes_nothing() -> None:
    model = llama().train()
    torch.manual_seed(5)
    expected = torch.rand(2)
    torch.manual_seed(5)
    assert why_not(model, 9) is None
    assert torch.equal(torch.rand(2), expected)
    assert (model.training, model.config._attn_implementation) == (True, "sdpa")


def _windowed() -> PreTrainedModel:
    return MistralForCausalLM(MistralConfig(**SIZE, sliding_window=8))


def _bloom() -> PreTrainedModel:
    return BloomForCausalLM(BloomConfig(vocab_size=50, hidden_size=16, n_layer=1, n_head=2))


def _deaf() -> PreTrainedModel:
    """A model that does not pass on what its attention is told."""
    model = llama()
    forward = model.forward

    def without(*args: Any, segments: Any = None, **others: Any) -> Any:
        return forward(*args, **others)

    model.forward = without
    return model


@pytest.mark.parametrize(
    ("build", "reason"),
    [(_windowed, "looks back 8 tokens"), (_bloom, "is eager"), (_deaf, "differ|fails")],
)
def test_a_model_that_cannot_keep_them_apart_is_padded(build: Any, reason: str) -> None:
    model = build()
    before = model.config._attn_implementation
    assert not choose_packing(model, None, 9)
    assert model.config._attn_implementation == before
    with pytest.raises(SpecError, match=reason) as refused:
        choose_packing(model, True, 9)
    assert refused.value.faults[0].pointer == "/spec/workload/options/packing"


def test_a_window_longer_than_every_example_does_no_harm() -> None:
    assert choose_packing(_windowed(), None, 8)


def test_a_model_of_another_family_packs_too() -> None:
    model = GPT2LMHeadModel(GPT2Config(vocab_size=50, n_embd=16, n_layer=1, n_head=2))
    assert choose_packing(model, None, 9)


@pytest.mark.parametrize("name", ["eager", "sdpa"])
def test_a_model_that_never_packed_is_padded_with_the_attention_it_has(name: str) -> None:
    model = _bloom() if name == "eager" else llama()
    assert not choose_packing(model, False, 9)
    assert model.config._attn_implementation == name
    known = llama(attn_implementation="eager")
    assert not choose_packing(known, False, 9)
    assert known.config._attn_implementation == "eager"


def test_the_next_trial_may_pad() -> None:
    model = llama()
    choose_packing(model, True, 9)
    assert not choose_packing(model, False, 9)
    assert model.config._attn_implementation == "sdpa"
