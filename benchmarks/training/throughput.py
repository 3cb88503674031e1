"""Tokens per second of the `sft` recipe beside those of transformers' Trainer: the same model from
the same weights, the same examples, the same optimizer, on a CPU in float32.

Tokens are those of the examples: padding counts for nobody. Both take global batches of 32; Trainer
in micro-batches of 8 with dynamic padding and random order, as it does by default. The sides take
turns, so what else the machine does falls on all of them; ratios are within one turn.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedTokenizerBase, Trainer, TrainerCallback, TrainingArguments

from benchmarks.output import Row
from benchmarks.training import texts
from sweeps.points import run_plan
from sweeps.spec import Data, Evaluation, TinyModel, Workload
from sweeps.trial import Params, Report
from workers.checkpoints import CheckpointFolder
from workers.recipes.context import Context, Order, Setting
from workers.recipes.parts.data import Examples
from workers.recipes.parts.materials import materials
from workers.recipes.sft import run
from workers.roots import DataRoots

MICRO, GLOBAL, MAX_LENGTH = 8, 32, 512
TRAINER, OURS = "transformers_trainer", "sweepctl"
PARAMS: Params = {
    "global_batch_size": GLOBAL,
    "learning_rate": 1e-3,
    "lr_scheduler_type": "constant",
    "max_grad_norm": 1.0,
}


@dataclass
class Clock:
    """When each optimizer step was over, and the tokens until then."""

    moments: list[float] = field(default_factory=list)
    tokens: list[float] = field(default_factory=list)

    def rate(self) -> float:
        """Tokens per second after the first step, which warms everything up."""
        return (self.tokens[-1] - self.tokens[0]) / (self.moments[-1] - self.moments[0])

    def append(self, step: int, metrics: Mapping[str, float]) -> None:
        """As a context's log: what the recipe tells after every step."""
        del step
        if "num_tokens" in metrics:
            self.moments.append(time.perf_counter())
            self.tokens.append(metrics["num_tokens"])


@dataclass(frozen=True)
class Subject:
    """The model and data of both sides, in a folder."""

    folder: Path
    model: TinyModel
    examples: int
    said: str

    def workload(self, packed: bool) -> Workload:
        """What our side trains."""
        data = Data(train="train.jsonl")
        options: dict[str, bool | int | float | str] = {"packing": packed}
        return Workload(model=self.model, data=data, max_length=MAX_LENGTH, options=options)


def rows(rounds: int, examples: int, hidden_size: int) -> tuple[list[Row], list[str]]:
    """The rows of the benchmark, and what to say beside them."""
    model = TinyModel(
        tiny="llama",
        hidden_size=hidden_size,
        num_hidden_layers=4,
        num_attention_heads=4,
        vocab_size=4096,
        max_position_embeddings=MAX_LENGTH,
    )
    with tempfile.TemporaryDirectory() as scratch:
        told, said = texts.rows(examples)
        folder = Path(scratch)
        (folder / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in told))
        subject = Subject(folder, model, len(told), said)
        cache: dict[str, Any] = {}
        context = _context(subject, packed=False, log=Clock(), cache=cache)
        base, train, _ = materials(context)
        share = padding_share(train.examples.lengths)
        rates = [_turn(subject, base, train.examples, cache, turn) for turn in range(rounds)]
    found = [
        _row("tokens_per_second_ratio", OURS, case, [r[case] / r[TRAINER] for r in rates], "ratio")
        for case in ("unpacked", "packed")
    ]
    found.append(_row("packed_bound", "data", "packed", [1 / (1 - share)], "ratio"))
    found += [
        _row("tokens_per_second", TRAINER if side == TRAINER else OURS,
             "padded" if side == TRAINER else side, [r[side] for r in rates], "tokens/s")
        for side in (TRAINER, "unpacked", "packed")
    ]  # fmt: skip
    weights = sum(p.numel() for p in base.model.parameters())
    notes = [
        f"A Llama of {weights / 1e6:.1f} million weights, {said} ({len(train.examples)} examples, "
        f"{train.examples.lengths.mean():.0f} tokens each, {share:.0%} padding in random "
        f"micro-batches of {MICRO}), {rounds} turns, {torch.get_num_threads()} thread(s).",
        "Reached: " + "; ".join(_reached(found, share)),
    ]
    return found, notes


def padding_share(lengths: np.ndarray, seed: int = 0) -> float:
    """The share of padding in micro-batches of random order, over many epochs."""
    rng, tokens, places = np.random.default_rng(seed), 0, 0
    for _ in range(50):
        order = lengths[rng.permutation(len(lengths))]
        parts = [order[start : start + MICRO] for start in range(0, len(order), MICRO)]
        tokens += int(order.sum())
        places += sum(len(part) * int(part.max()) for part in parts)
    return 1 - tokens / places


def _reached(found: list[Row], share: float) -> list[str]:
    unpacked, packed, bound = (row.median for row in found[:3])
    return [
        f"unpacked {unpacked:.2f} of the Trainer's speed (wanted 1.00)",
        f"packed {packed:.2f}, which is {packed * (1 - share):.2f} of the bound {bound:.2f} "
        "(wanted 0.85)",
    ]


def _turn(
    subject: Subject, base: Any, examples: Examples, cache: dict[str, Any], turn: int
) -> dict[str, float]:
    """Tokens per second of each side, the order of the sides changing from turn to turn."""
    measures = {
        TRAINER: lambda: _trainer(subject, base.fresh(), base.tokenizer, examples, turn),
        "unpacked": lambda: _ours(subject, cache, turn, packed=False),
        "packed": lambda: _ours(subject, cache, turn, packed=True),
    }
    names = list(measures)
    return {name: measures[name]() for name in names[turn % 3 :] + names[: turn % 3]}


def _ours(subject: Subject, cache: dict[str, Any], turn: int, *, packed: bool) -> float:
    clock = Clock()
    run(_context(subject, packed, clock, cache, turn))
    return clock.rate()


def _context(
    subject: Subject, packed: bool, log: Clock, cache: dict[str, Any], turn: int = 0
) -> Context:
    steps = subject.examples // GLOBAL
    setting = Setting(
        workload=subject.workload(packed),
        evaluation=Evaluation(),
        params=PARAMS,
        plan=run_plan(PARAMS, steps * GLOBAL, points=1),
        roots=DataRoots((subject.folder,)),
        seed=turn,
        micro_batch_size=MICRO,
        checkpoint_seconds=1e9,
        keep_final=False,
        cache=cache,
    )
    return Context(setting, _Unattended(), log, CheckpointFolder(subject.folder / "checkpoints"))


class _Unattended:
    def report(self, report: Report) -> Order:
        """Nobody judges."""
        return Order.GO_ON

    def pulse(self, samples_seen: int) -> Order:
        """Nobody listens."""
        return Order.GO_ON


def _trainer(
    subject: Subject,
    model: Any,
    tokenizer: PreTrainedTokenizerBase,
    examples: Examples,
    turn: int,
) -> float:
    """The same epoch by transformers' Trainer."""
    clock = Clock()
    pad, seen = int(tokenizer.pad_token_id), [0]
    model.set_attn_implementation("sdpa")

    def collate(chosen: list[dict[str, list[int]]]) -> dict[str, torch.Tensor]:
        longest = max(len(row["input_ids"]) for row in chosen)
        seen[0] += sum(len(row["input_ids"]) for row in chosen)
        fills = {"input_ids": pad, "attention_mask": 0, "labels": -100}
        return {
            name: torch.tensor([row[name] + [fill] * (longest - len(row[name])) for row in chosen])
            for name, fill in fills.items()
        }

    class Told(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, *_: Any, **__: Any) -> None:
            clock.append(0, {"num_tokens": float(seen[0])})

    arguments = TrainingArguments(
        output_dir=str(subject.folder / "trainer"),
        per_device_train_batch_size=MICRO,
        gradient_accumulation_steps=GLOBAL // MICRO,
        max_steps=subject.examples // GLOBAL,
        learning_rate=float(PARAMS["learning_rate"]),
        lr_scheduler_type="constant",
        max_grad_norm=float(PARAMS["max_grad_norm"]),
        weight_decay=0.0,
        seed=turn,
        use_cpu=True,
        logging_strategy="no",
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=False,
        remove_unused_columns=False,
    )
    told, rows = [Told()], _as_rows(examples)
    Trainer(model, arguments, collate, train_dataset=rows, callbacks=told).train()
    return clock.rate()


def _as_rows(examples: Examples) -> list[dict[str, list[int]]]:
    found = []
    for index in range(len(examples)):
        ids, learnt = examples.example(index)
        found.append({
            "input_ids": ids.tolist(),
            "attention_mask": [1] * len(ids),
            "labels": np.where(learnt, ids, -100).tolist(),
        })  # fmt: skip
    return found


def _row(figure: str, subject: str, case: str, values: list[float], unit: str) -> Row:
    median = float(np.median(values))
    return Row(figure, subject, case, median, min(values), max(values), len(values), unit)
