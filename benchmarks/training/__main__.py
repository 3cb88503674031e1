"""`make bench-training`: tokens per second and start-up of trials, beside transformers' Trainer."""

from __future__ import annotations

import argparse
import logging
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch

from benchmarks.output import Row, table, write
from benchmarks.training import starts, throughput


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print a table and write results/training.json."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="turns of each side (5)")
    parser.add_argument("--examples", type=int, default=160, help="examples of an epoch (160)")
    parser.add_argument("--hidden-size", type=int, default=128, help="width of the model (128)")
    parser.add_argument("--threads", type=int, default=1, help="of torch, for both sides (1)")
    parser.add_argument("--no-starts", action="store_true", help="leave out warm and cold starts")
    asked = parser.parse_args(arguments)
    logging.getLogger("transformers").setLevel(logging.ERROR)
    torch.set_num_threads(asked.threads)
    rows, notes = throughput.rows(asked.rounds, asked.examples, asked.hidden_size)
    if not asked.no_starts:
        with tempfile.TemporaryDirectory() as scratch:
            rows += starts.rows(Path(scratch))
    _show(rows)
    print("\n".join(notes))
    print(f"written to {write('training', command_of(asked), rows)}")


def command_of(asked: argparse.Namespace) -> str:
    """The command that measures the same again, every option written out."""
    starts_too = " --no-starts" if asked.no_starts else ""
    return (
        f"python -m benchmarks.training --rounds {asked.rounds} --examples {asked.examples} "
        f"--hidden-size {asked.hidden_size} --threads {asked.threads}{starts_too}"
    )


def _show(rows: Sequence[Row]) -> None:
    lines = []
    for row in rows:
        values = [f"{value:.4g}" for value in (row.median, row.min, row.max)]
        lines.append((row.figure, row.subject, row.case, *values, row.n, row.unit))
    print(table(("figure", "subject", "case", "median", "min", "max", "n", "unit"), lines))


if __name__ == "__main__":
    main()
