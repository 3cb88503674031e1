"""An operator's recipe for tests: noisy gradient descent on a quadratic, in milliseconds.

Deterministic and bit-exact on resume. Options (workload.options): `step_seconds`, `nan_at`,
`raise_at`, `oom_at` (a device out of memory) or `kill_at` (the process kills itself), all only once
when `marker` names a file to leave behind, only for the learning rate `raise_rate` when given, and
only on rank 0 or the `rank` that is given (every rank runs the same descent);
`pid_file`; `starts_file`: a line "rate steps_done" for each attempt; `slow_saves`: a folder, and
while it holds a file named "seconds", saving takes that long and leaves a file named "saving";
`leak_mb`: so much of memory each attempt keeps for good.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sweeps.spec import Workload
from workers.recipes import Facts
from workers.recipes.context import Context
from workers.roots import DataRoots

TRAIN_SAMPLES = 640
RANKED = True
_LEAKED: list[bytearray] = []


def prepare(workload: Workload, roots: DataRoots) -> Facts:
    """640 samples that need no file."""
    return Facts(train_samples=TRAIN_SAMPLES, eval_samples=1, data_digest="toy")


def run(context: Context) -> None:
    """x <- x - lr (x + noise / sqrt(batch)); loss = x^2 / 2 + 0.1."""
    options, plan = context.workload.options, context.plan
    state = {"x": 2.0}

    def save(folder: Path) -> None:
        _linger(options)
        if context.world.first:
            (folder / "state.json").write_text(json.dumps(state))

    def load(folder: Path) -> None:
        state.update(json.loads((folder / "state.json").read_text()))

    context.register_state(save, load)
    if "pid_file" in options:
        with Path(str(options["pid_file"])).open("a") as file:
            file.write(f"{os.getpid()}\n")
    # Not zeros: pages that nobody has written to are no memory.
    _LEAKED.append(bytearray(b"x") * (int(options.get("leak_mb", 0)) * 2**20))
    rate = float(context.params["learning_rate"])
    if "starts_file" in options:
        with Path(str(options["starts_file"])).open("a") as file:
            file.write(f"{rate} {context.steps_done}\n")
    for step in range(context.steps_done, plan.steps):
        time.sleep(float(options.get("step_seconds", 0)))
        _misbehave(context, step)
        noise = np.random.default_rng([context.seed, step]).normal()
        gradient = state["x"] + 0.1 * noise / plan.global_batch_size**0.5
        loss = state["x"] ** 2 / 2 + 0.1
        state["x"] -= rate * gradient
        context.step(
            samples=plan.global_batch_size,
            tokens=10 * plan.global_batch_size,
            loss=float("nan") if step == options.get("nan_at") and rate > 1 else loss,
            grad_norm=abs(gradient),
            learning_rate=rate,
            evaluate=lambda: {"eval_loss": state["x"] ** 2 / 2},
        )


def _linger(options: Mapping[str, Any]) -> None:
    folder = Path(str(options.get("slow_saves", "")))
    if "slow_saves" in options and (folder / "seconds").exists():
        (folder / "saving").touch()
        time.sleep(float((folder / "seconds").read_text()))


def _misbehave(context: Context, step: int) -> None:
    options = context.workload.options
    marker = Path(str(options["marker"])) if "marker" in options else None
    if options.get("raise_rate") not in (None, context.params["learning_rate"]):
        return
    if context.world.rank != options.get("rank", 0):
        return
    if step in (options.get("raise_at"), options.get("oom_at"), options.get("kill_at")):
        if marker is not None and marker.exists():
            return
        if marker is not None:
            marker.touch()
        if step == options.get("kill_at"):
            os.kill(os.getpid(), signal.SIGKILL)
        if step == options.get("oom_at"):
            import torch  # heavy, and only this needs it

            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate as told.")
        raise RuntimeError(f"raised at step {step} as told")
