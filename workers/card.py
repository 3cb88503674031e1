"""The model card of a sweep's champion: what it is, what it was measured at, how it was made."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from sweeps.adapters import adapter_of
from sweeps.drops import scores_of
from sweeps.journal import Story
from sweeps.metric import ranked_by
from sweeps.ranking import Ranked
from sweeps.result import Result
from sweeps.spec import Phased, SweepSpec, TinyModel
from sweeps.trial import Role, trial_id
from workers.sinks.mlflow_sweep import code_tags, winner_yaml

_HUB_ID = re.compile(r"^[A-Za-z0-9][\w.-]*/[\w.-]+\Z")
_SPACES = re.compile(r"\s+")


def model_card(
    spec: SweepSpec,
    story: Story,
    result: Result,
    sweep_id: str,
    row: Ranked,
    *,
    adapter_of_base: str | None,
) -> str:
    """Markdown under YAML, as the Hugging Face hub reads it. `adapter_of_base`: the folder holds an
    adapter, which names its base so; None for a whole model."""
    parts = [
        f"---\n{yaml.safe_dump(_front(spec, adapter_of_base), sort_keys=False)}---",
        f"# {spec.metadata.name}",
        _made(spec, story, row),
        "## Result",
        _result(spec, result, row),
        _scores(spec, story, row),
        "## Configuration",
        _table(("parameter", "value"), {name: f"{v}" for name, v in row.params.items()}),
        "The sweep's file with this one configuration, which runs as it is:",
        f"```yaml\n{winner_yaml(spec, row.params)}```",
        "## Data",
        _data(spec, story),
        "## Use",
        _use(spec, adapter_of_base),
        "## Origin",
        _origin(story, sweep_id, row),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _front(spec: SweepSpec, base: str | None) -> dict[str, Any]:
    model, adapter = spec.spec.workload.model, base is not None
    front: dict[str, Any] = {
        "library_name": "peft" if adapter else "transformers",
        "pipeline_tag": "text-generation",
        "tags": ["sft", "sweepctl", *(["lora"] if adapter else [])],
    }
    # The hub takes ids of its own here and nothing else.
    if isinstance(model, str) and _HUB_ID.match(model) and not _is_folder(base):
        front["base_model"] = model
    return front


def _made(spec: SweepSpec, story: Story, row: Ranked) -> str:
    work = spec.spec.workload
    adapter = adapter_of(work, row.params)
    names = {"lora": "LoRA", "rslora": "rsLoRA", "dora": "DoRA"}
    if adapter is not None:
        modules = adapter.target_modules
        told = modules if isinstance(modules, str) else ", ".join(modules)
        how = (
            f"A {names[adapter.type]} adapter (r {adapter.r}, alpha {adapter.lora_alpha:g}, "
            f"dropout {adapter.lora_dropout:g}, on {told})"
        )
    elif float(row.params.get("trainable_fraction", 1)) < 1:
        how = f"Fine-tuning of the last {float(row.params['trainable_fraction']):g} of the layers"
    else:
        how = "Full fine-tuning"
    samples = f"{row.samples:,} samples"
    return f"{how} of {_base_name(spec)}, supervised, over {samples} of completions."


def _base_name(spec: SweepSpec) -> str:
    model = spec.spec.workload.model
    if isinstance(model, TinyModel):
        return f"a small {model.tiny} with random weights (init_seed {model.init_seed})"
    return f"`{model}`"


def _result(spec: SweepSpec, result: Result, row: Ranked) -> str:
    by = ranked_by(spec)
    over = {"single": "one run", "seeds": f"{row.runs} seeds", "confirm": f"{row.runs} fresh seeds"}
    error = f"standard error {row.error:.2g}" if row.error is not None else "no error bar"
    of = f" of {over[row.basis]}" if row.runs == 1 else f" over {over[row.basis]}"
    lines = [f"**{by.name} {row.mean:.6g}** ({error}{of}; {by.goal})."]
    for beside in result.beside:
        if beside.role is Role.CONFIRM or beside.final is None:
            continue
        name = "base model, untrained" if beside.role is Role.BASE else f"{beside.role.value} row"
        bar = f" (standard error {beside.stderr:.2g})" if beside.stderr is not None else ""
        lines.append(f"The {name}: {by.name} {beside.final:.6g}{bar}.")
    if not any(beside.role is Role.BASE for beside in result.beside):
        lines.append("The base model was not evaluated.")
    if row.basis == "single":
        lines.append("A single run does not show what another seed would have given.")
    if row.trial != result.recommended and result.recommended is not None:
        lines.append(
            f"The sweep recommends trial {result.recommended}, whose weights were not kept."
        )
    return " ".join([*lines, result.recommendation])


def _scores(spec: SweepSpec, story: Story, row: Ranked) -> str:
    """Every metric of the trial's own last report, beside the base model's."""
    own = scores_of([story.trials[row.trial]])
    record = next((r for r in story.trials.values() if r.trial.role is Role.BASE), None)
    base = scores_of([record]) if record is not None else {}
    names = [name for name in own if not name.endswith("_stderr")]
    if not names:
        return ""
    lines = ["| metric | base model | this model |", "| --- | --- | --- |"]
    lines += [f"| {name} | {_bar(base, name)} | {_bar(own, name)} |" for name in names]
    return "\n".join(lines)


def _bar(scores: Mapping[str, float], name: str) -> str:
    if name not in scores:
        return ""
    error = scores.get(f"{name}_stderr")
    return f"{scores[name]:.6g}" + (f" ± {error:.2g}" if error is not None else "")


def _data(spec: SweepSpec, story: Story) -> str:
    work, facts = spec.spec.workload, dict[str, str]()
    if isinstance(work.strategy, Phased):
        facts |= {f"phase {n}": phase.data for n, phase in enumerate(work.strategy.phased, 1)}
    if work.data is not None:
        if work.data.train is not None:
            facts["train"] = work.data.train
        for use, sets in (("eval", work.data.eval), ("unseen", work.data.unseen)):
            named = sets if isinstance(sets, dict) else {"": sets} if sets else {}
            facts |= {f"{use} {label}".strip(): place for label, place in named.items()}
    if story.prepared is not None and story.prepared.data_digest is not None:
        facts["SHA-256 of all of them"] = story.prepared.data_digest
    return _table(("data", ""), facts)


def _use(spec: SweepSpec, base: str | None) -> str:
    if base is None:
        load = "from transformers import AutoModelForCausalLM\n\n"
        load += "model = AutoModelForCausalLM.from_pretrained(FOLDER)"
        return f"```python\n{load}\n```"
    if _is_folder(base):
        load = "from peft import PeftModel\nfrom transformers import AutoModelForCausalLM\n\n"
        load += "base = AutoModelForCausalLM.from_pretrained(BASE)\n"
        load += "model = PeftModel.from_pretrained(base, FOLDER)"
        where = (
            f"BASE is where you have {_base_name(spec)}, a folder under the data roots of the pool "
            "that trained this. `adapter_config.json` names it by its path there, which leads "
            "nowhere on other machines. With `checkpoints: {champion: merged}` in the spec a "
            "whole model is registered, which needs no base."
        )
        return f"```python\n{load}\n```\n\n{where}"
    load = "from peft import AutoPeftModelForCausalLM\n\n"
    load += "model = AutoPeftModelForCausalLM.from_pretrained(FOLDER)"
    return f"```python\n{load}\n```\n\nThe base, {_base_name(spec)}, is loaded by its name."


def _is_folder(base: str | None) -> bool:
    """Whether an adapter's base was a folder of the worker's and no model of the hub."""
    return base is not None and Path(base).is_absolute()


def _origin(story: Story, sweep_id: str, row: Ranked) -> str:
    trial = story.trials[row.trial].trial
    facts = {
        "sweep": sweep_id,
        "trial": f"{trial_id(sweep_id, row.trial)} (number {row.trial})",
        "seed": str(trial.seed),
        "sweepctl": code_tags()["sweep.code_version"],
    }
    if story.prepared is not None:
        facts["device"] = story.prepared.device_kind
    return _table(("", ""), facts)


def _table(head: tuple[str, str], rows: Mapping[str, str]) -> str:
    if not rows:
        return ""
    lines = [f"| {head[0]} | {head[1]} |", "| --- | --- |"]
    return "\n".join(lines + [f"| {_cell(name)} | {_cell(text)} |" for name, text in rows.items()])


def _cell(text: str) -> str:
    """What users write, so that it breaks no table."""
    return _SPACES.sub(" ", text.replace("\\", "\\\\").replace("|", "\\|"))
