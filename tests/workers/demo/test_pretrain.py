from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from workers.demo import files, pretrain


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A base that has hardly begun to learn."""
    monkeypatch.setattr(pretrain, "SAMPLES", 640)


def test_the_base_begins_to_learn_and_is_a_folder_transformers_reads(tmp_path: Path) -> None:
    threads = torch.get_num_threads()
    scratch = tmp_path / "scratch"
    early = pretrain.pretrain(scratch, tmp_path / "base", set(), samples=64)
    later = pretrain.pretrain(scratch, tmp_path / "base", set(), samples=3000)
    assert later["eval_loss"] < 3.5 < early["eval_loss"]
    assert torch.get_num_threads() == threads
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "base")
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "base")
    assert len(tokenizer) == model.config.vocab_size == 260
    assert model.config.eos_token_id == tokenizer.eos_token_id == 2
    assert not list((tmp_path / "base").glob("*.bin"))


def test_make_makes_everything_once(tmp_path: Path, short: None) -> None:
    folder = tmp_path / "demo"
    assert pretrain.make(folder)
    assert files.is_made(folder)
    assert sorted(path.name for path in folder.iterdir()) == ["base", "data", files.STAMP]
    before = (folder / "base" / "model.safetensors").stat().st_mtime_ns
    assert not pretrain.make(folder)
    assert (folder / "base" / "model.safetensors").stat().st_mtime_ns == before
    (folder / "data" / "train.jsonl").unlink()
    assert pretrain.make(folder)
    assert files.is_made(folder)
