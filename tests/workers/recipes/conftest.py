from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from recipe_support import write_words
from transformers import LlamaConfig, LlamaForCausalLM

from workers.recipes.parts.tokenizer import train_tokenizer


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data root with train.jsonl and eval.jsonl."""
    write_words(tmp_path)
    return tmp_path


@pytest.fixture
def dropout_base(folder: Path) -> Path:
    """A pretrained folder whose attention drops out, so that random numbers matter."""
    tokenizer = train_tokenizer(["abc"], 260)
    config = LlamaConfig(
        vocab_size=260, hidden_size=16, intermediate_size=32, num_hidden_layers=2,
        num_attention_heads=2, max_position_embeddings=64, attention_dropout=0.2,
        tie_word_embeddings=True,
    )  # fmt: skip
    torch.manual_seed(5)
    LlamaForCausalLM(config).save_pretrained(folder / "base")
    tokenizer.save_pretrained(folder / "base")
    return folder
