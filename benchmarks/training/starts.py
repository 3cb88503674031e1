"""How long it takes from one trial to the next: in a warm worker, and in a new one.

The demo's model on a real Ray with one slot, driven by our conductor and adapters. `warm`: every
trial is stopped at its first decision point; measured is the time from that verdict to the first
optimizer step of the next trial, that step included. `cold`: every trial runs to its end and its
worker is replaced, as one that leaks is; measured from the end of its attempt.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.output import Row
from workers.demo.pretrain import make
from workers.ray_env import LOCAL, QUIET
from workers.ray_head import RayHead

SWITCHES, COLD = 24, 6
WARM, NEW = "warm_start_seconds", "cold_start_seconds"
ROOT = Path(__file__).parents[2]


def rows(folder: Path, switches: int = SWITCHES, cold: int = COLD) -> list[Row]:
    """Measure `switches` warm and `cold` new starts; the demo's files are made in `folder`."""
    folder = folder.resolve()
    make(folder)
    head = RayHead(cpus=1, gpus=0)
    head.start(folder / "ray.log")
    try:
        warm = _switching(folder, head, switches + 1, "stop")
        new = _switching(folder, head, cold + 1, "end")
    finally:
        head.stop()
    return [_row(WARM, warm), _row(NEW, new)]


def _switching(folder: Path, head: RayHead, trials: int, how: str) -> list[float]:
    # Ray's workers find this checkout by the path of the process that they work for.
    env = {**os.environ, **LOCAL, **QUIET, **head.env, "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-m", "benchmarks.training.switching", str(folder), str(trials), how]
    done = subprocess.run(words, env=env, cwd=ROOT, stdout=subprocess.PIPE, check=True, text=True)
    found: list[float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _row(figure: str, seconds: Sequence[float]) -> Row:
    return Row(
        figure=figure,
        subject="sweepctl",
        case="demo",
        median=statistics.median(seconds),
        min=min(seconds),
        max=max(seconds),
        n=len(seconds),
        unit="seconds",
    )
