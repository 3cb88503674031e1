"""Submit a sweep over your JSONL files, wait for it, and print the ranking.

    python docs/examples/submit.py train.jsonl eval.jsonl [MODEL]

MODEL is a folder that save_pretrained wrote, or a hub id; without it a tiny Llama with random
weights shows how it goes.
"""

from __future__ import annotations

import sys
from typing import Any

from sweepctl import Client


def spec_of(train: str, held_out: str, model: str | None) -> dict[str, Any]:
    """Six runs over two epochs of the training file."""
    return {
        "apiVersion": "sweeps/v1",
        "kind": "Sweep",
        "metadata": {"name": "example", "labels": {"made-by": "submit.py"}},
        "spec": {
            "workload": {
                "model": model or {"tiny": "llama"},
                "data": {"train": train, "eval": held_out},
                "max_length": 512,
            },
            "parameters": {
                "global_batch_size": {"values": [4, 16]},
                "learning_rate": {"values": [1e-4, 1e-3, 1e-2]},
            },
            "method": {"type": "grid"},
            "metric": {"name": "eval_loss", "goal": "minimize"},
            "horizon": {"epochs": 2},
            "evaluation": {"every_points": 4},
        },
    }


def main(train: str, held_out: str, model: str | None = None) -> None:
    """Submit, wait, print."""
    with Client() as client:
        sweep = client.create(spec_of(train, held_out, model))
        print(f"sweep {sweep.id}: {sweep.message or sweep.state}", flush=True)
        ended = client.wait(sweep)
        print(f"{ended.state}: {ended.message}")
        result = client.result(sweep.id)
        for row in result.ranking:
            params = ", ".join(f"{name} {value}" for name, value in row.params.items())
            print(f"{row.rank}. trial {row.trial}: eval_loss {row.final:.4f} ({params})")
        print(result.recommendation)


if __name__ == "__main__":
    main(*sys.argv[1:])
