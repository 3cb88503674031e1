"""Trainers of a few weights, for tests of what they tell a sweep."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from recipe_support import MemoryLog, Run, make_run
from transformers import LlamaConfig, LlamaForCausalLM, Trainer, TrainingArguments

from sweeps.spec import Workload
from workers.bring.trainer import training_arguments

MINE = Workload.model_validate({"recipe": "mine"})
SGD = {"learning_rate": 0.1, "optim": "sgd", "max_grad_norm": 0.0, "lr_scheduler_type": "constant"}


class Line(torch.nn.Module):
    """y = a x with one weight, and the mean squared error; no LLM and no PreTrainedModel."""

    def __init__(self) -> None:
        super().__init__()
        self.a = torch.nn.Parameter(torch.ones(1))

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"loss": ((self.a * x - y) ** 2).mean()}


def points(count: int) -> Dataset:
    """Points on y = 3 x, x = 1 ... count, tenths."""
    xs = [0.1 * (n + 1) for n in range(count)]
    return Dataset.from_dict({"x": xs, "y": [3 * x for x in xs]})


def line_trainer(run: Run, **more: Any) -> Trainer:
    """A line through 10 points, evaluated on 3."""
    arguments = training_arguments(run.context, TrainingArguments, label_names=["y"], **more)
    return Trainer(Line(), arguments, train_dataset=points(10), eval_dataset=points(3))


def llama_trainer(run: Run, dropout: float = 0.2) -> Trainer:
    """A Llama whose attention drops out, on 10 sequences of 3 to 7 tokens."""
    torch.manual_seed(5)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=32, hidden_size=16, intermediate_size=16, num_hidden_layers=1,
            num_attention_heads=2, attention_dropout=dropout,
        )
    )  # fmt: skip
    rows = [{"ids": [(n * k) % 31 + 1 for k in range(1, 4 + n % 5)]} for n in range(10)]

    def collate(chosen: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        ids = torch.nn.utils.rnn.pad_sequence(
            [torch.tensor(row["ids"]) for row in chosen], batch_first=True
        )
        mask = (ids != 0).long()
        return {"input_ids": ids, "attention_mask": mask, "labels": ids.where(ids != 0, -100)}

    arguments = training_arguments(run.context, TrainingArguments, remove_unused_columns=False)
    return Trainer(
        model, arguments, data_collator=collate, train_dataset=rows, eval_dataset=rows[:3]
    )


def trainer_run(folder: Path, params: dict[str, Any] | None = None, **more: Any) -> Run:
    """24 samples in 6 steps of 4, two at a time; a report after every second step."""
    return make_run(folder, MINE, params or SGD, **{"micro_batch_size": 2, **more})


def told(log: MemoryLog, name: str = "loss") -> list[float]:
    """What was logged of every step under this name."""
    return [values[name] for _, values in log.entries if name in values]
