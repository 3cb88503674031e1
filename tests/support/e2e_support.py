"""Data and specs for whole sweeps of a tiny Llama."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from sweeps.spec import SweepSpec, parse


def write_data(path: Path, rows: int, seed: int) -> None:
    """Words to be spelled backwards."""
    draw = random.Random(seed)
    with path.open("w") as file:
        for _ in range(rows):
            word = "".join(draw.choices("abcde", k=4))
            row = {"prompt": f"reverse {word}", "completion": word[::-1]}
            file.write(json.dumps(row) + "\n")


def sft_spec(name: str, folder: Path, **changes: Any) -> SweepSpec:
    """Three trials of a tiny Llama, some seconds each."""
    body: dict[str, Any] = {
        "workload": {
            "recipe": "sft",
            "model": {"tiny": "llama", "hidden_size": 32, "vocab_size": 300},
            "data": {"train": str(folder / "train.jsonl"), "eval": str(folder / "eval.jsonl")},
            "max_length": 32,
        },
        "parameters": {
            "global_batch_size": {"values": [4]},
            "learning_rate": {"values": [1e-3, 3e-3, 1e-2]},
            "warmup_steps": {"value": 2},
        },
        "method": {"type": "grid"},
        "metric": {"name": "eval_loss", "goal": "minimize"},
        "horizon": {"samples": 400},
        "report": {"points": 5},
        "evaluation": {"every_points": 1},
        "pruning": {"type": "never"},
        "baselines": {"base": False, "preset": None},
        **changes,
    }
    head = {"apiVersion": "sweeps/v1", "kind": "Sweep", "metadata": {"name": name}}
    return parse({**head, "spec": body})
