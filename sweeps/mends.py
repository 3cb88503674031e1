"""Pydantic's kinds of error, said as a person would: what is wrong, and what to write instead."""

from __future__ import annotations

import json
from typing import Any

from pydantic_core import ErrorDetails

# What a block looks like, by its name: shown when it is missing or is no block.
EXAMPLES = {
    "apiVersion": "apiVersion: sweeps/v1",
    "kind": "kind: Sweep",
    "metadata": "metadata: {name: my-sweep}",
    "name": "name: my-sweep",
    "spec": "spec: {workload: ..., parameters: ..., method: ..., metric: ..., horizon: ...}",
    "workload": "workload: {model: org/name, data: {train: data/train.jsonl}}",
    "model": "model: org/name` or `model: {tiny: llama}",
    "data": "data: {train: data/train.jsonl, eval: data/eval.jsonl}",
    "train": "train: data/train.jsonl",
    "eval": "eval: data/eval.jsonl` or `eval: {name: data/name.jsonl}",
    "unseen": "unseen: data/unseen.jsonl` or `unseen: {name: data/name.jsonl}",
    "max_drop": "max_drop: {eval_retention_accuracy: 0.02}",
    "parameters": "parameters: {learning_rate: {values: [1e-5, 1e-4]}}",
    "values": "values: [8, 16]",
    "distribution": "distribution: log_uniform_values",
    "min": "min: 1e-6",
    "max": "max: 1e-4",
    "paired": "paired: [{global_batch_size: 128, learning_rate: 1e-5}]",
    "exclude": "exclude: [{global_batch_size: 128, warmup_steps: 100}]",
    "when": "when: {lr_scheduler_type: cosine}",
    "method": "method: {type: grid}",
    "type": "type: grid",
    "metric": "metric: {name: eval_loss, goal: minimize}",
    "goal": "goal: minimize",
    "horizon": "horizon: {samples: 10000}",
    "report": "report: {points: 20}",
    "evaluation": "evaluation: {every_points: 5}",
    "pruning": "pruning: {type: median}",
    "resources": "resources: {pool: default, max_parallel: 4}",
    "budget": "budget: {trials: 20}",
    "checkpoints": "checkpoints: {keep_best: 1}",
    "confirm": "confirm: {top: 3, seeds: 3}",
    "adapter": "adapter: {type: lora, r: 16}",
    "strategy": "strategy: stacked",
    "labels": "labels: {team: nlp}",
}
# `type` in the blocks that have one.
_TYPES = {"pruning": "type: median", "adapter": "type: lora"}

_WHOLE = ("must be a whole number", "Write a whole number, without quotes.")
_NUMBER = ("must be a number", "Write a number, without quotes.")
_SIMPLE = {
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_from_float": _WHOLE,
    "int_parsing_size": ("is too large a number", "Write a smaller one."),
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "finite_number": ("must be a finite number", "Write a finite number."),
    "bool_type": ("must be true or false", "Write true or false."),
    "bool_parsing": ("must be true or false", "Write true or false."),
    "plain_type": (
        "must be a number, a word, or true or false",
        "Write one value here, not a list, a block or nothing.",
    ),
    "too_short": ("is empty", "List at least one."),
    "string_too_short": ("is empty", "Write something, or leave the key out."),
}
_BOUNDS = {
    "greater_than": ("gt", "must be above {}", "Write a number above {}."),
    "greater_than_equal": ("ge", "must be at least {}", "Write {} or more."),
    "less_than": ("lt", "must be below {}", "Write a number below {}."),
    "less_than_equal": ("le", "must be at most {}", "Write {} or less."),
    "too_long": ("max_length", "holds more than {} items", "List at most {}."),
    "string_too_long": ("max_length", "is longer than {} characters", "Shorten it to {}."),
}
_BLOCKS = ("model_type", "dict_type", "model_attributes_type", "dataclass_type")


def sentences(
    kind: str, detail: ErrorDetails, parts: list[str | int], value: Any
) -> tuple[str, str]:
    """(what is wrong, what to do) for one pydantic error at `parts`, where `value` stands."""
    name = str(parts[-1]) if parts else ""
    if kind in _SIMPLE:
        return _SIMPLE[kind]
    if kind in _BOUNDS:
        key, message, mend = _BOUNDS[kind]
        bound = detail["ctx"][key]
        return message.format(bound), mend.format(bound)
    if kind == "missing":
        return "required, but not there", _add(parts)
    if kind in _BLOCKS:
        return _block(detail, name, value)
    if kind == "list_type":
        return "must be a list", f"Put it in brackets: [{_plain(value)}]."
    if kind == "string_type":
        return "must be text", f'Put it in quotes: "{_plain(value)}".'
    if kind == "string_pattern_mismatch":
        return _pattern(str(detail["ctx"]["pattern"]))
    # Our own validators write "what is wrong; what to do".
    message, _, mend = detail["msg"].removeprefix("Value error, ").partition("; ")
    return message, f"{mend[:1].upper()}{mend[1:]}." if mend else "Change it, or leave it out."


def _add(parts: list[str | int]) -> str:
    name = str(parts[-1])
    above = str(parts[-2]) if len(parts) > 1 else ""
    if name == "name" and above == "metric":
        return "Add it, e.g. `name: eval_loss`."
    example = (_TYPES.get(above) if name == "type" else None) or EXAMPLES.get(name)
    return f"Add it, e.g. `{example}`." if example else "Add it."


def _block(detail: ErrorDetails, name: str, value: Any) -> tuple[str, str]:
    if not name:
        return (
            "a sweep is a block of keys and values",
            "Begin with `apiVersion: sweeps/v1`, `kind: Sweep`, `metadata:` and `spec:`.",
        )
    if detail["loc"][-1] == "choice":
        short = f"values: {_plain(value)}" if isinstance(value, list) else f"value: {_plain(value)}"
        return "must say whether it is one value or several", f"Write {name}: {{{short}}}."
    example = EXAMPLES.get(name)
    mend = f"Write e.g. `{example}`." if example else "Write it as {key: value, ...}."
    either = name in ("model", "eval", "unseen", "strategy")
    return f"must be {'text or ' if either else ''}a block of keys and values", mend


def _pattern(pattern: str) -> tuple[str, str]:
    if "/ -" in pattern:
        return (
            "is no name of a metric",
            "Use letters, digits and _ . / - or a blank, and begin with a letter, digit or _.",
        )
    return (
        "is no name",
        "Use letters, digits, dot, dash and underscore, at most 100, "
        "and begin with a letter or digit.",
    )


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)[:60]
