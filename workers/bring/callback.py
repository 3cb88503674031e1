"""The TrainerCallback that tells a sweep what a Trainer does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from transformers import (
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from workers.bring.telling import Telling
from workers.recipes.parts.state import fingerprint

# Of what `evaluate` returns: how long it took, and TRL's count of what this process has read, are
# no metrics of a model.
_NO_METRIC = ("_runtime", "_per_second", "_model_preparation_time", "_num_tokens", "epoch")


@dataclass
class Seen:
    """The batches of one optimizer step, over all processes."""

    samples: int = 0
    tokens: int = 0
    label_tokens: int | None = None


class SweepCallback(TrainerCallback):  # type: ignore[misc]
    """Hands every step that `trainer` logs to `context.step`: its loss, its gradient norm before
    clipping, the rate it used, and what the batches held.

    The Trainer logs after the optimizer and the schedule have moved on, with nothing of the next
    step begun, so this is also where it is saved and evaluated. Stopped and Paused pass through.
    Made by `workers.bring.trainer.attach`.
    """

    def __init__(self, context: Telling, trainer: Trainer) -> None:
        self._context, self._trainer = context, trainer
        self._seen, self._before = Seen(), torch.empty(0)
        self._take = trainer.get_batch_samples
        trainer.get_batch_samples = self._counted

    def on_pre_optimizer_step(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,
    ) -> None:
        """Remember some weights, to see whether the step changes them."""
        self._before = fingerprint(kwargs["model"])

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: Mapping[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        """Tell of the step. What is logged of an evaluation, or at the end, is no step."""
        if logs is None or "loss" not in logs or "learning_rate" not in logs:
            return
        self._context.step(
            samples=self._seen.samples,
            tokens=self._seen.tokens,
            loss=logs["loss"],
            grad_norm=logs.get("grad_norm"),
            learning_rate=logs["learning_rate"],
            label_tokens=self._seen.label_tokens,
            changed=not torch.equal(self._before, fingerprint(kwargs["model"])),
            evaluate=None if self._trainer.eval_dataset is None else self._evaluate,
        )

    def _evaluate(self) -> dict[str, float]:
        found = self._trainer.evaluate()
        return {name: float(value) for name, value in found.items() if _is_metric(name, value)}

    def _counted(
        self, epoch_iterator: Iterator[Any], num_batches: int, device: torch.device
    ) -> tuple[list[Any], Any]:
        """The batches of the next step, counted on their way."""
        batches, labels = self._take(epoch_iterator, num_batches, device)
        counts = torch.tensor([[_samples(b), _tokens(b)] for b in batches], device=device)
        samples, tokens = self._trainer.accelerator.gather(counts.sum(0, keepdim=True)).sum(0)
        self._seen = Seen(int(samples), int(tokens), None if labels is None else int(labels))
        return batches, labels


def _is_metric(name: str, value: Any) -> bool:
    return isinstance(value, (int, float)) and not name.endswith(_NO_METRIC)


def _samples(batch: Mapping[str, Any]) -> int:
    """Rows of a batch: the longest first dimension, for some tensors are one of all rows."""
    return max(len(part) for part in batch.values() if torch.is_tensor(part) and part.dim())


def _tokens(batch: Mapping[str, Any]) -> int:
    """Input tokens that are no padding; 0 for a model that reads no tokens."""
    if "attention_mask" in batch:
        return int(batch["attention_mask"].sum())
    return batch["input_ids"].numel() if "input_ids" in batch else 0
