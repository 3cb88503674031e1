from __future__ import annotations

from typing import Any

import yaml
from stories import Script, make_report, make_spec

from sweeps.champion import champion
from sweeps.result import make_result
from sweeps.spec import parse
from sweeps.trial import Role
from workers.card import model_card

SWEEP = "swp_" + "0" * 32


def card(*, adapter_of: str | None = None, base: bool = True, **workload: Any) -> str:
    spec = make_spec(
        workload={
            "model": "org/small-1b", "data": {"train": "a.jsonl", "eval": "b.jsonl"}, **workload,
        }
    )  # fmt: skip
    script = Script(data_digest="d1g3st")
    if base:
        number = script.ask(Role.BASE)
        script.say(number, make_report(10, 3.5, metrics={"eval_loss_stderr": 0.25}))
        script.end(number, samples=0)
    script.run(2.0, error=0.125, learning_rate=0.1)
    script.run(1.0, error=0.125, learning_rate=0.2)
    story = script.story
    result = make_result(spec, story)
    row = champion(result, {1, 2})
    assert row is not None
    return model_card(spec, story, result, SWEEP, row, adapter_of_base=adapter_of)


def test_it_says_what_was_measured_and_how_it_was_made() -> None:
    text = card()
    assert "**eval_loss 1** (standard error 0.12 of one run; minimize)" in text
    assert "The base model, untrained: eval_loss 3.5 (standard error 0.25)" in text
    assert "| eval_loss | 3.5 ± 0.25 | 1 ± 0.12 |" in text
    assert "| learning_rate | 0.2 |" in text
    assert "| SHA-256 of all of them | d1g3st |" in text
    assert "| train | a.jsonl |" in text
    assert "Full fine-tuning of `org/small-1b`" in text
    assert f"| sweep | {SWEEP} |" in text
    assert "AutoModelForCausalLM.from_pretrained" in text


def test_it_opens_with_what_the_hub_reads() -> None:
    front = yaml.safe_load(card().split("---")[1])
    assert front["base_model"] == "org/small-1b"
    assert front["library_name"] == "transformers"
    assert "base_model" not in yaml.safe_load(card(model="/data/models/small").split("---")[1])


def test_the_file_in_it_runs_as_it_is() -> None:
    text = card().partition("```yaml\n")[2].partition("```")[0]
    assert parse(yaml.safe_load(text)).spec.parameters.axes["learning_rate"].values == [0.2]


def test_an_adapter_is_described_and_loaded_as_one() -> None:
    text = card(adapter_of="org/small-1b", adapter={"type": "rslora", "r": 8})
    assert "A rsLoRA adapter (r 8, alpha 16, dropout 0, on all-linear) of `org/small-1b`" in text
    assert yaml.safe_load(text.split("---")[1])["library_name"] == "peft"
    assert "AutoPeftModelForCausalLM" in text
    assert "is loaded by its name" in text


def test_an_adapter_of_a_folder_says_that_its_base_must_be_brought() -> None:
    text = card(adapter_of="/srv/secret/org/small-1b", adapter={"type": "lora", "r": 8})
    assert "BASE is where you have `org/small-1b`, a folder under the data roots" in text
    assert "PeftModel.from_pretrained(base, FOLDER)" in text
    assert "champion: merged" in text
    assert "by its name" not in text
    assert "/srv/secret" not in text
    # It is none of the hub's, whatever it looks like.
    assert "base_model" not in yaml.safe_load(text.split("---")[1])


def test_without_a_base_row_it_says_so() -> None:
    assert "The base model was not evaluated." in card(base=False)
