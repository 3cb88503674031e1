"""Running a recipe without a driver: a link that records and orders, and tiny data to train on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sweeps.points import Stage, run_plan
from sweeps.spec import Evaluation, Workload
from sweeps.trial import Params, Report
from workers.checkpoints import CheckpointFolder
from workers.recipes.context import Context, Order, Setting
from workers.roots import DataRoots

TINY: dict[str, Any] = {
    "tiny": "llama",
    "hidden_size": 16,
    "num_attention_heads": 2,
    "num_hidden_layers": 1,
    "vocab_size": 260,
    "max_position_embeddings": 64,
}
WORDS = ["ant", "bee", "cat", "dog", "elk", "fox", "gnu", "hen", "ibex", "jay", "kite", "lion"]


@dataclass
class RecordingLink:
    """Keeps every report; orders `order` once `order_at` samples are seen."""

    order: Order = Order.GO_ON
    order_at: int = 0
    reports: list[Report] = field(default_factory=list)
    pulses: list[int] = field(default_factory=list)

    def report(self, report: Report) -> Order:
        self.reports.append(report)
        return self._due(report.samples)

    def pulse(self, samples_seen: int) -> Order:
        self.pulses.append(samples_seen)
        return self._due(samples_seen)

    def _due(self, samples: int) -> Order:
        return self.order if samples >= self.order_at else Order.GO_ON


@dataclass
class MemoryLog:
    """Per-step metrics by step."""

    entries: list[tuple[int, dict[str, float]]] = field(default_factory=list)

    def append(self, step: int, metrics: Mapping[str, float]) -> None:
        self.entries.append((step, dict(metrics)))


@dataclass
class Run:
    """One attempt, ready to be given to a recipe."""

    context: Context
    link: RecordingLink
    log: MemoryLog


def make_run(
    folder: Path,
    workload: Workload | None = None,
    params: Params | None = None,
    *,
    horizon: int = 24,
    points: int = 3,
    link: RecordingLink | None = None,
    trial: str = "trial",
    evaluation: Evaluation | None = None,
    stages: Sequence[Stage] = (),
    **setting: Any,
) -> Run:
    """A context over the data in `folder`; checkpoints go to `folder`/`trial`."""
    asked: Params = {"global_batch_size": 4, "learning_rate": 1e-2, **(params or {})}
    link, log = link or RecordingLink(), MemoryLog()
    whole = Setting(
        workload=workload or tiny_workload(),
        evaluation=evaluation or Evaluation(every_points=1),
        params=asked,
        plan=run_plan(asked, horizon, points, stages),
        roots=DataRoots((folder,)),
        trial=trial,
        **setting,
    )
    return Run(Context(whole, link, log, CheckpointFolder(folder / trial)), link, log)


def tiny_workload(**changes: Any) -> Workload:
    """The tiny model on train.jsonl and eval.jsonl."""
    data = {"train": "train.jsonl", "eval": "eval.jsonl"}
    return Workload.model_validate({"model": TINY, "data": data, "max_length": 64, **changes})


def write_rows(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Rows as JSONL."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def write_words(folder: Path) -> None:
    """train.jsonl (10 rows of unequal length) and eval.jsonl (2): what a word is, backwards."""
    rows = [{"prompt": f"{word} = ", "completion": word[::-1]} for word in WORDS]
    write_rows(folder / "train.jsonl", rows[:10])
    write_rows(folder / "eval.jsonl", rows[10:])


def held_out(folder: Path) -> dict[str, Any]:
    """The words to be written, and to be chosen among three."""
    rows = [
        {"question": word, "choices": [word[::-1], word, "zz"], "answer": word[::-1]}
        for word in WORDS
    ]
    write_rows(folder / "choice.jsonl", rows)
    return {"train": "train.jsonl", "eval": {"told": "eval.jsonl", "chosen": "choice.jsonl"}}


def timeless(report: Report) -> Report:
    """The report without what a clock measured, and without what the device is."""
    window = report.window.model_copy(update={"tokens_per_second": None})
    return report.model_copy(update={"window": window, "footprint": None})
