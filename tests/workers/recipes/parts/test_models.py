from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from recipe_support import TINY, write_rows

from sweeps.errors import SpecError
from sweeps.spec import Data, TinyModel
from workers.recipes.parts.models import Base, build_tiny, load_base
from workers.recipes.parts.rows import train_source
from workers.recipes.parts.tokenizer import train_tokenizer
from workers.roots import DataRoots


def load(folder: Path, spec: str | TinyModel, cache: dict[str, Any] | None = None) -> Base:
    data, roots = Data(train="train.jsonl"), DataRoots((folder,))
    kept = {} if cache is None else cache
    return load_base(spec, data, [train_source(data, roots)], roots, kept, "cpu")


def tiny(**changes: Any) -> TinyModel:
    return TinyModel.model_validate({**TINY, **changes})


def equal(left: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(left[name], right[name]) for name in left)


@pytest.fixture
def saved(folder: Path) -> Base:
    """The folder `base`, as save_pretrained writes it."""
    base = load(folder, tiny())
    base.model.save_pretrained(folder / "base")
    base.tokenizer.save_pretrained(folder / "base")
    return base


def test_tiny_weights_depend_on_init_seed_alone() -> None:
    torch.manual_seed(1)
    first, before = build_tiny(tiny()).state_dict(), torch.random.get_rng_state()
    second = build_tiny(tiny()).state_dict()
    assert equal(first, second)
    assert torch.equal(before, torch.random.get_rng_state())
    assert not equal(first, build_tiny(tiny(init_seed=1)).state_dict())


def test_tiny_has_the_shape_asked_for() -> None:
    config = build_tiny(tiny(hidden_size=24, num_hidden_layers=3)).config
    assert (config.hidden_size, config.intermediate_size, config.num_hidden_layers) == (24, 64, 3)
    assert build_tiny(tiny(intermediate_size=40)).config.intermediate_size == 40


def test_tiny_learns_its_tokenizer_from_the_training_data(folder: Path) -> None:
    rows = [{"messages": [{"role": "assistant", "content": "wombat wombat wombat"}]}] * 5
    write_rows(folder / "train.jsonl", rows)
    base = load(folder, tiny(vocab_size=280))
    assert len(base.tokenizer("wombat")["input_ids"]) < 4
    assert base.model.generation_config.eos_token_id == base.tokenizer.eos_token_id == 2
    assert base.limit == 64


def test_tiny_takes_a_tokenizer_from_a_folder(folder: Path) -> None:
    train_tokenizer(["zebra zebra"] * 5, 264).save_pretrained(folder / "tok")
    base = load(folder, tiny(tokenizer="tok", vocab_size=300))
    assert len(base.tokenizer("zebra")["input_ids"]) < 5
    with pytest.raises(SpecError, match="264 tokens, the model only 260"):
        load(folder, tiny(tokenizer="tok"))


def test_a_folder_is_loaded_in_float32_with_its_tokenizer(folder: Path, saved: Base) -> None:
    saved.model.to(torch.bfloat16).save_pretrained(folder / "base")
    base = load(folder, "base")
    assert {p.dtype for p in base.model.parameters()} == {torch.float32}
    rounded = {name: t.to(torch.bfloat16).float() for name, t in saved.pristine.items()}
    assert equal(base.pristine, rounded)
    assert base.tokenizer("ant")["input_ids"] == saved.tokenizer("ant")["input_ids"]


def test_pickled_weights_are_refused(folder: Path, saved: Base) -> None:
    (folder / "base" / "model.safetensors").unlink()
    torch.save(saved.pristine, folder / "base" / "pytorch_model.bin")
    with pytest.raises(SpecError, match="cannot be loaded") as caught:
        load(folder, "base")
    assert caught.value.faults[0].pointer == "/spec/workload/model"


def test_code_in_the_folder_is_never_run(folder: Path, saved: Base) -> None:
    config = folder / "base" / "config.json"
    text = config.read_text().replace(
        '"model_type": "llama"',
        '"model_type": "evil", "auto_map": {"AutoConfig": "evil.Evil", '
        '"AutoModelForCausalLM": "evil.Evil"}',
    )
    assert "auto_map" in text
    config.write_text(text)
    (folder / "base" / "evil.py").write_text(f"open({str(folder / 'ran')!r}, 'w')\n")
    with pytest.raises(SpecError, match="cannot be loaded"):
        load(folder, "base")
    assert not (folder / "ran").exists()


def test_a_fresh_model_forgets_the_trial_before(folder: Path) -> None:
    base = load(folder, tiny())
    model = base.fresh()
    first = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    for parameter in model.parameters():
        parameter.data.add_(1.0)
        parameter.grad = torch.ones_like(parameter)
    model.eval()
    again = base.fresh()
    assert equal(first, again.state_dict())
    assert all(parameter.grad is None for parameter in again.parameters())
    assert again.training


def test_the_cache_serves_the_same_model_until_its_files_change(folder: Path, saved: Base) -> None:
    cache: dict[str, Any] = {}
    first = load(folder, "base", cache)
    assert load(folder, "base", cache) is first
    shutil.copytree(folder / "base", folder / "other")
    assert load(folder, "other", cache) is not first
    again = load(folder, "base", cache)
    assert again is not first
    (folder / "base" / "config.json").write_text(
        (folder / "base" / "config.json").read_text() + "\n"
    )
    assert load(folder, "base", cache) is not again
    assert list(cache) == ["sft.base"]


def test_the_cache_follows_the_data_a_tokenizer_was_trained_on(folder: Path) -> None:
    cache: dict[str, Any] = {}
    first = load(folder, tiny(vocab_size=270), cache)
    assert load(folder, tiny(vocab_size=270), cache) is first
    write_rows(folder / "train.jsonl", [{"prompt": "zz", "completion": "zzzz"}] * 9)
    second = load(folder, tiny(vocab_size=270), cache)
    assert first.tokenizer("zzzz")["input_ids"] != second.tokenizer("zzzz")["input_ids"]
