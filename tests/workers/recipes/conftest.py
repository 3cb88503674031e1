from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from recipe_support import write_words


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
