from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from workers.recipes.parts.memory import is_out_of_memory, largest, let_go, probe


@pytest.mark.parametrize("most", [1, 2, 7, 64, 1000])
@pytest.mark.parametrize("room", [0, 1, 3, 63, 500, 5000])
def test_the_largest_that_fits_is_found_to_an_eighth(most: int, room: int) -> None:
    asked: list[int] = []

    def fits(size: int) -> bool:
        asked.append(size)
        return size <= room

    found, best = largest(fits, most), min(room, most)
    assert found <= best
    assert best - found <= max(0, found // 8)
    assert len(asked) <= 2 + most.bit_length()


def test_out_of_memory_is_told_from_other_errors() -> None:
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory."))
    assert is_out_of_memory(
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")
    )
    assert is_out_of_memory(RuntimeError("CUDA error: out of memory"))
    assert is_out_of_memory(
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`")
    )
    assert not is_out_of_memory(RuntimeError("expected scalar type Float"))
    with pytest.raises(RuntimeError) as real:
        torch.empty(2**60, dtype=torch.uint8)
    assert is_out_of_memory(real.value)


@pytest.fixture
def model() -> LlamaForCausalLM:
    config = LlamaConfig(
        vocab_size=30, hidden_size=8, intermediate_size=8, num_hidden_layers=1,
        num_attention_heads=2, attention_dropout=0.5,
    )  # fmt: skip
    return LlamaForCausalLM(config).train()


def trying(model: LlamaForCausalLM, room: int) -> Callable[[int], None]:
    def attempt(size: int) -> None:
        ids = torch.arange(20)[None].expand(size, -1) % 30
        loss = model(ids, labels=ids).loss
        loss.backward()
        if size > room:
            raise torch.OutOfMemoryError("CUDA out of memory.")

    return attempt


def test_a_probe_leaves_no_trace(model: LlamaForCausalLM) -> None:
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    torch.manual_seed(3)
    expected = torch.rand(3)
    torch.manual_seed(3)
    assert probe(model, 16, trying(model, room=5)) == 5
    assert torch.equal(torch.rand(3), expected)
    assert all(parameter.grad is None for parameter in model.parameters())
    assert model.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_a_probe_says_when_nothing_fits_and_passes_other_errors(model: LlamaForCausalLM) -> None:
    assert probe(model, 4, trying(model, room=0)) == 0

    def broken(_: int) -> None:
        raise RuntimeError("expected scalar type Float")

    with pytest.raises(RuntimeError, match="scalar type"):
        probe(model, 4, broken)


def test_let_go_drops_what_a_broken_pass_left(model: LlamaForCausalLM) -> None:
    trying(model, room=9)(1)
    let_go(model)
    assert all(parameter.grad is None for parameter in model.parameters())
