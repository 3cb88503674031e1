"""Makes the demo's files: data, and a base model trained on the base skills by our own recipe."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

import torch
from transformers.utils import logging as transformers_logging

from sweeps.points import run_plan
from sweeps.spec import Data, Evaluation, TinyModel, Workload
from sweeps.trial import Params, Report
from workers.checkpoints import CheckpointFolder
from workers.demo import files, skills
from workers.recipes.context import Context, Order, Setting
from workers.recipes.sft import run
from workers.roots import DataRoots

MODEL = TinyModel(tiny="llama", vocab_size=260, max_position_embeddings=64)
PARAMS: Params = {
    "global_batch_size": 32,
    "learning_rate": 3e-3,
    "warmup_steps": 50,
    "lr_scheduler_type": "cosine",
}
SAMPLES, ROWS = 40_000, 20_000


def make(folder: Path) -> bool:
    """Write data/ and base/ into `folder`; takes about 20 s.

    Returns False, and writes nothing, when they are there.
    """
    if files.is_made(folder):
        return False
    folder.mkdir(parents=True, exist_ok=True)
    (folder / files.STAMP).unlink(missing_ok=True)
    held_out = files.write_data(folder)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        pretrain(Path(scratch), folder / "base", held_out)
    files.stamp(folder)
    return True


def pretrain(
    scratch: Path, out: Path, avoid: set[str], samples: int | None = None
) -> dict[str, float]:
    """Train the base on `samples` (default SAMPLES) samples of the base skills.

    Words in `avoid` are left out. Saves the base in `out` as transformers reads it. Returns its
    held-out metrics.
    """
    samples = samples or SAMPLES
    rows = skills.examples(skills.BASE, min(ROWS, samples), "base", avoid)
    skills.write(rows, scratch / "train.jsonl")
    skills.write(skills.examples(skills.BASE, 100, "base-eval"), scratch / "eval.jsonl")
    data = Data(train="train.jsonl", eval="eval.jsonl")
    setting = Setting(
        workload=Workload(model=MODEL, data=data, max_length=64),
        evaluation=Evaluation(exact_match=True, max_new_tokens=8, every_points=1),
        params=PARAMS,
        plan=run_plan(PARAMS, samples, points=1),
        roots=DataRoots((scratch,)),
        micro_batch_size=64,
        checkpoint_seconds=1e9,
        keep_final=False,
    )
    link, threads = _Unattended(), torch.get_num_threads()
    torch.set_num_threads(1)  # the model is too small to gain from more
    try:
        run(Context(setting, link, _NoLog(), CheckpointFolder(scratch / "checkpoints")))
    finally:
        torch.set_num_threads(threads)
    base = setting.cache["sft.base"]
    shutil.rmtree(out, ignore_errors=True)
    transformers_logging.disable_progress_bar()
    base.model.save_pretrained(out)
    base.tokenizer.save_pretrained(out)
    return link.metrics


class _Unattended:
    """A link to nobody: the run goes on to its end, and the last metrics are kept."""

    def __init__(self) -> None:
        self.metrics: dict[str, float] = {}

    def report(self, report: Report) -> Order:
        self.metrics = report.metrics
        return Order.GO_ON

    def pulse(self, samples_seen: int) -> Order:
        return Order.GO_ON


class _NoLog:
    def append(self, step: int, metrics: Mapping[str, float]) -> None:
        """Nobody reads the curve of the base."""
