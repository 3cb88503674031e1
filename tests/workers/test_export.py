from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from peft import AutoPeftModelForCausalLM
from recipe_support import make_run, tiny_workload, write_words
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

from sweeps.trial import Params
from workers.checkpoints import MANIFEST, CheckpointFolder
from workers.export import ExportError, export, main
from workers.mirror import Mirror
from workers.recipes.parts.tokenizer import train_tokenizer
from workers.recipes.sft import run

ASKED = torch.arange(5, 25)[None]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def trained(folder: Path, model: object, params: Params | None = None) -> tuple[Path, torch.Tensor]:
    """A trial's final checkpoint, and the logits of the model that wrote it."""
    write_words(folder)
    attempt = make_run(folder, tiny_workload(model=model), params)
    run(attempt.context)
    newest = CheckpointFolder(folder / "trial").newest()
    assert newest is not None
    model = attempt.context.cache["sft.base"].model.eval()
    return newest, model(input_ids=ASKED).logits.detach()


@pytest.fixture
def tied(tmp_path: Path) -> str:
    config = LlamaConfig(
        vocab_size=260, hidden_size=16, intermediate_size=32, num_hidden_layers=1,
        num_attention_heads=2, max_position_embeddings=64, tie_word_embeddings=True,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(tmp_path / "base")
    train_tokenizer(["abc"], 260).save_pretrained(tmp_path / "base")
    return "base"


@pytest.mark.parametrize("tiny", [True, False])
def test_an_exported_model_gives_the_logits_of_the_trained_one(
    tmp_path: Path, tied: str, tiny: bool
) -> None:
    checkpoint, logits = trained(tmp_path, tiny_workload().model if tiny else tied)
    untrained = AutoModelForCausalLM.from_pretrained(tmp_path / "base")
    assert tiny or not torch.equal(untrained(input_ids=ASKED).logits, logits)
    done = subprocess.run(
        [sys.executable, "-m", "workers.export", str(checkpoint), str(tmp_path / "out")],
        capture_output=True, text=True, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    assert torch.equal(model(input_ids=ASKED).logits, logits)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "out")
    assert tokenizer.decode(tokenizer("ant = tna")["input_ids"]) == "ant = tna"
    assert model.generation_config.eos_token_id == tokenizer.eos_token_id or not tiny


@pytest.mark.parametrize("kind", ["lora", "dora"])
def test_an_adapter_is_exported_as_one_or_merged(tmp_path: Path, tied: str, kind: str) -> None:
    checkpoint, logits = trained(tmp_path, tied, {"adapter": kind, "lora_r": 4})
    export(str(checkpoint), tmp_path / "adapter")
    names = {path.name for path in (tmp_path / "adapter").iterdir()}
    assert {"adapter_config.json", "adapter_model.safetensors", "tokenizer.json"} <= names
    assert "model.safetensors" not in names
    worn = AutoPeftModelForCausalLM.from_pretrained(tmp_path / "adapter").eval()
    assert torch.equal(worn(input_ids=ASKED).logits, logits)
    export(str(checkpoint), tmp_path / "merged", merged=True)
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "merged").eval()
    assert torch.allclose(model(input_ids=ASKED).logits, logits, atol=1e-5)
    base = AutoModelForCausalLM.from_pretrained(tmp_path / "base").eval()
    assert not torch.allclose(base(input_ids=ASKED).logits, logits, atol=1e-3)


def test_an_adapter_of_a_model_without_a_name_is_merged(tmp_path: Path) -> None:
    checkpoint, logits = trained(tmp_path, tiny_workload().model, {"adapter": "lora"})
    export(str(checkpoint), tmp_path / "out")
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "out").eval()
    assert torch.allclose(model(input_ids=ASKED).logits, logits, atol=1e-5)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "out")
    assert model.generation_config.eos_token_id == tokenizer.eos_token_id


def test_an_adapter_whose_base_has_gone_cannot_be_merged(tmp_path: Path, tied: str) -> None:
    checkpoint, _ = trained(tmp_path, tied, {"adapter": "lora"})
    shutil.rmtree(tmp_path / "base")
    with pytest.raises(ExportError, match="base of this adapter"):
        export(str(checkpoint), tmp_path / "out", merged=True)
    export(str(checkpoint), tmp_path / "out")


def test_a_checkpoint_at_a_url_is_exported_too(tmp_path: Path) -> None:
    checkpoint, logits = trained(tmp_path, tiny_workload().model)
    url = f"memory://{tmp_path.name}"
    Mirror(url).push(checkpoint, 1)
    export(f"{url}/{checkpoint.name}", tmp_path / "out")
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    assert torch.equal(model(input_ids=ASKED).logits, logits)
    with pytest.raises(ExportError, match="no checkpoint at"):
        export(f"{url}/step-99999999", tmp_path / "other")


def test_what_cannot_be_exported_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = CheckpointFolder(tmp_path / "checkpoints")
    plain = folder.write(1, lambda draft: (draft / "state.json").write_text("{}") and None)
    with pytest.raises(ExportError, match="no model of the recipe sft"):
        export(str(plain), tmp_path / "out")
    (plain / "state.json").write_text("torn")
    with pytest.raises(ExportError, match="no whole checkpoint"):
        export(str(plain), tmp_path / "out")
    with pytest.raises(ExportError, match="not empty"):
        export(str(plain), tmp_path)
    assert main([str(plain), str(tmp_path / "out")]) == 1
    assert "no whole checkpoint" in capsys.readouterr().err
    (plain / MANIFEST).unlink()
    (plain / MANIFEST).symlink_to(plain / MANIFEST)  # which nobody can follow, not even root
    with pytest.raises(ExportError, match="cannot be read"):
        export(str(plain), tmp_path / "out")
    assert main([]) == 2
