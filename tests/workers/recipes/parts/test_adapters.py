from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from recipe_support import TINY
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, PreTrainedModel

from sweeps.errors import SpecError
from sweeps.spec import Adapter, TinyModel
from workers.recipes.parts.adapters import AdapterWeights, put_on, take_off
from workers.recipes.parts.models import build_tiny

ASKED = torch.arange(5, 25)[None]
SPEC = TinyModel.model_validate(TINY)


def adapter(kind: str = "lora", **changes: Any) -> Adapter:
    return Adapter.model_validate({"type": kind, "r": 4, "lora_alpha": 8.0, **changes})


def shape(model: PreTrainedModel) -> dict[str, Any]:
    """Everything that putting on an adapter could leave behind."""
    modules = {
        name: (type(m).__name__, sorted(m.__dict__), m.training, len(m._forward_hooks),
               len(m._forward_pre_hooks))
        for name, m in model.named_modules()
    }  # fmt: skip
    weights = {n: (p.requires_grad, p.detach().clone()) for n, p in model.named_parameters()}
    return {"modules": modules, "weights": weights, "config": model.config.to_dict()}


def same_shape(left: dict[str, Any], right: dict[str, Any]) -> bool:
    plain = ("modules", "config")
    return all(left[key] == right[key] for key in plain) and all(
        left["weights"][name][0] == right["weights"][name][0]
        and torch.equal(left["weights"][name][1], right["weights"][name][1])
        for name in left["weights"].keys() | right["weights"].keys()
    )


def spoil(model: PreTrainedModel) -> torch.Tensor:
    """Change what is trained; the logits afterwards."""
    generator = torch.Generator().manual_seed(3)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data += torch.randn(parameter.shape, generator=generator) / 10
    logits: torch.Tensor = model.eval()(input_ids=ASKED).logits.detach()
    return logits


@pytest.mark.parametrize("kind", ["lora", "rslora", "dora"])
def test_nothing_is_left_behind(kind: str) -> None:
    model = build_tiny(SPEC)
    before, random = shape(model), torch.random.get_rng_state()
    first = model.eval()(input_ids=ASKED).logits
    model.train()
    put_on(model, adapter(kind), 0)
    assert torch.equal(random, torch.random.get_rng_state())
    trained = {name for name, p in model.named_parameters() if p.requires_grad}
    assert trained
    assert all("lora_" in name for name in trained)
    assert ("lora_magnitude_vector" in " ".join(trained)) is (kind == "dora")
    # The second half of an adapter starts at 0, so the model says what the base says.
    assert torch.allclose(model.eval()(input_ids=ASKED).logits, first, atol=1e-5)
    assert not torch.allclose(spoil(model), first, atol=1e-3)
    model.train()
    take_off(model)
    assert same_shape(shape(model), before)
    take_off(model)
    assert same_shape(shape(model), before)


def test_first_weights_are_those_of_the_seed() -> None:
    found = []
    for seed in (1, 1, 2):
        model = build_tiny(SPEC)
        torch.manual_seed(len(found))
        put_on(model, adapter(), seed)
        found.append(torch.cat([p.flatten() for p in model.parameters() if p.requires_grad]))
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_rank_scale_and_dropout_are_those_asked_for() -> None:
    model = build_tiny(SPEC)
    put_on(model, adapter(lora_dropout=0.25, target_modules=["q_proj"]), 0)
    layer = model.model.layers[0].self_attn.q_proj
    assert (layer.r["default"], layer.scaling["default"]) == (4, 2.0)
    assert layer.lora_dropout["default"].p == 0.25
    assert not hasattr(model.model.layers[0].self_attn.k_proj, "lora_A")
    take_off(model)
    put_on(model, adapter("rslora"), 0)
    assert model.model.layers[0].mlp.up_proj.scaling["default"] == 4.0


@pytest.mark.parametrize("names", [["nope"], ["q_proj", "nope"], ["input_layernorm"]])
def test_modules_that_cannot_have_one_are_refused_and_the_model_is_as_it_was(
    names: list[str],
) -> None:
    model = build_tiny(SPEC)
    before = shape(model)
    with pytest.raises(SpecError, match="no adapter can be put on") as caught:
        put_on(model, adapter(target_modules=names), 0)
    assert caught.value.faults[0].pointer == "/spec/workload/adapter/target_modules"
    assert same_shape(shape(model), before)


@pytest.mark.parametrize("kind", ["lora", "rslora", "dora"])
def test_peft_reads_what_is_written(tmp_path: Path, kind: str) -> None:
    build_tiny(SPEC).save_pretrained(tmp_path / "base")
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "base")
    put_on(model, adapter(kind), 0)
    logits = spoil(model)
    (tmp_path / "out").mkdir()
    AdapterWeights(model, None).save(tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "adapter_config.json", "adapter_model.safetensors",
    ]  # fmt: skip
    base = AutoModelForCausalLM.from_pretrained(tmp_path / "base")
    worn = PeftModel.from_pretrained(base, str(tmp_path / "out")).eval()
    assert torch.equal(worn(input_ids=ASKED).logits, logits)
    if kind == "dora":
        # transformers 5.23 does not read the magnitudes of DoRA, and says so in a warning alone.
        return
    # transformers finds the base by its name.
    found = AutoModelForCausalLM.from_pretrained(tmp_path / "out").eval()
    assert torch.equal(found(input_ids=ASKED).logits, logits)


def test_an_adapter_is_read_back_bit_for_bit_and_written_the_same(tmp_path: Path) -> None:
    model = build_tiny(SPEC)
    put_on(model, adapter("dora"), 0)
    spoil(model)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    AdapterWeights(model, SPEC).save(tmp_path / "one")
    assert json.loads((tmp_path / "one" / "tiny.json").read_text())["hidden_size"] == 16
    other = build_tiny(SPEC)
    put_on(other, adapter("dora"), 5)
    weights = AdapterWeights(other, SPEC)
    weights.load(tmp_path / "one")
    weights.save(tmp_path / "two")
    left = load_file(tmp_path / "one" / "adapter_model.safetensors")
    right = load_file(tmp_path / "two" / "adapter_model.safetensors")
    assert left.keys() == right.keys()
    assert all(torch.equal(left[name], right[name]) for name in left)
    texts = [(tmp_path / name / "adapter_config.json").read_text() for name in ("one", "two")]
    assert texts[0] == texts[1]
