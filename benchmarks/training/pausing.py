"""What a pause costs, and what a copy in main memory would spare: `python -m
benchmarks.training.pausing`. The table of docs/warm-workers.md.

Processor time, for other work on the machine stretches wall time. The checkpoint was just written,
so it is read from the page cache.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from benchmarks.output import table
from sweeps.spec import TinyModel
from workers.checkpoints import CheckpointFolder, is_whole
from workers.demo.pretrain import MODEL
from workers.recipes.parts.models import build_tiny
from workers.recipes.parts.optimizers import adamw
from workers.recipes.parts.state import TrainingState
from workers.recipes.parts.trained import WholeModel

TIMES = 7
LARGER = TinyModel(tiny="llama", hidden_size=512, num_attention_heads=8, num_hidden_layers=5)
HEAD = ("model", "write", "check digests", "read", "copy to memory", "copy back")


def costs(spec: TinyModel, folder: Path, times: int = TIMES) -> tuple[float, list[float]]:
    """Millions of weights, and the median milliseconds of each column of HEAD."""
    torch.set_num_threads(1)
    model = build_tiny(spec)
    optimizer = adamw(model, {"learning_rate": 1e-3}, {})
    for weight in model.parameters():
        weight.grad = torch.zeros_like(weight)
    optimizer.step()
    state = TrainingState(WholeModel(model), optimizer, "no data")
    checkpoints = CheckpointFolder(folder)
    moments = [m for entry in optimizer.state.values() for m in entry.values()]
    tensors = [weight.detach() for weight in model.parameters()] + moments
    copies = [torch.empty_like(tensor) for tensor in tensors]
    found = checkpoints.write(1, state.save)
    acts: list[Callable[[], object]] = [
        lambda: checkpoints.write(1, state.save),
        lambda: is_whole(found),
        lambda: state.load(found),
        lambda: [copy.copy_(tensor) for copy, tensor in zip(copies, tensors, strict=True)],
        lambda: [tensor.copy_(copy) for copy, tensor in zip(copies, tensors, strict=True)],
    ]
    millions = sum(weight.numel() for weight in model.parameters()) / 1e6
    return millions, [_median(act, times) for act in acts]


def _median(act: Callable[[], object], times: int) -> float:
    spent = []
    for _ in range(times):
        began = time.process_time()
        act()
        spent.append(1000 * (time.process_time() - began))
    return statistics.median(spent)


def main(times: int = TIMES) -> None:
    """Print the table as markdown."""
    rows = []
    for spec in (MODEL, LARGER):
        with tempfile.TemporaryDirectory() as folder:
            millions, found = costs(spec, Path(folder), times)
        rows.append((f"{millions:.2g} M weights", *(f"{spent:.2g}" for spent in found)))
    print(table(HEAD, rows))


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
