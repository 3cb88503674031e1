from __future__ import annotations

import pytest
from pydantic import ValidationError

from sweeps.spec import Phase, TinyModel


def test_the_heads_of_a_tiny_model_share_its_width_evenly() -> None:
    assert TinyModel(tiny="llama", hidden_size=32, num_attention_heads=8).hidden_size == 32
    with pytest.raises(ValidationError, match="multiple of num_attention_heads"):
        TinyModel(tiny="llama", hidden_size=36, num_attention_heads=8)


def test_a_phase_has_one_length_of_its_own_or_none() -> None:
    for length in ({}, {"samples": 5}, {"epochs": 0.5}):
        assert Phase.model_validate({"data": "a.jsonl", **length}).data == "a.jsonl"
    with pytest.raises(ValidationError, match="not both"):
        Phase(data="a.jsonl", samples=5, epochs=0.5)
