"""Held-out loss with its standard error, and exact match of greedy answers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from transformers import GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase

from sweeps.spec import Evaluation
from workers.recipes.parts.batches import micro_batches, pad_left
from workers.recipes.parts.data import Examples
from workers.recipes.parts.loss import precision, token_losses


@dataclass(frozen=True)
class Evaluator:
    """Evaluates a model on every held-out set of a workload. `sets` maps a label ("" for a single
    set) to its examples; `batch_size` is that of training, which is known to fit."""

    tokenizer: PreTrainedTokenizerBase
    sets: Mapping[str, Examples]
    evaluation: Evaluation
    batch_size: int
    device: str

    def __call__(self, model: PreTrainedModel) -> dict[str, float]:
        """`eval_loss`, `eval_loss_stderr` (from two examples on) and, when asked for,
        `eval_exact_match`; `eval_<label>_loss` and so on for a labelled set.

        Takes at most `max_examples` of a set, evenly spread over it, the same ones every time.
        """
        model.eval()
        try:
            with torch.no_grad():
                return self._all(model)
        finally:
            model.train()

    def _all(self, model: PreTrainedModel) -> dict[str, float]:
        metrics: dict[str, float] = {}
        for label, examples in self.sets.items():
            prefix = f"eval_{label}_" if label else "eval_"
            chosen = _spread(len(examples), self.evaluation.max_examples)
            found = self._loss(model, examples, chosen)
            if self.evaluation.exact_match:
                found["exact_match"] = self._exact_match(model, examples, chosen)
            metrics |= {prefix + name: value for name, value in found.items()}
        return metrics

    def _loss(
        self, model: PreTrainedModel, examples: Examples, chosen: Sequence[int]
    ) -> dict[str, float]:
        sums: list[float] = []
        counts: list[int] = []
        for part in micro_batches(examples, chosen, self.batch_size, self._pad):
            batch = part.to(self.device)
            losses = token_losses(model, batch, self.device).double()
            total = torch.zeros(len(batch.ids), dtype=torch.float64, device=self.device)
            sums += total.index_add(0, batch.rows, losses).tolist()
            counts += torch.bincount(batch.rows, minlength=len(batch.ids)).tolist()
        return token_mean(sums, counts)

    def _exact_match(
        self, model: PreTrainedModel, examples: Examples, chosen: Sequence[int]
    ) -> float:
        prompts = {index: examples.prompt(index) for index in chosen}
        ordered = sorted(chosen, key=lambda index: len(prompts[index]))
        marker = self.evaluation.answer_marker
        right = 0
        for start in range(0, len(ordered), self.batch_size):
            part = ordered[start : start + self.batch_size]
            ids, mask = pad_left([prompts[index] for index in part], self._pad, self.device)
            for index, reply in zip(part, self._replies(model, ids, mask), strict=True):
                right += same_answer(reply, examples.answers[index], marker)
        return right / len(chosen)

    def _replies(self, model: PreTrainedModel, ids: torch.Tensor, mask: torch.Tensor) -> list[str]:
        config = GenerationConfig(
            do_sample=False,
            max_new_tokens=self.evaluation.max_new_tokens,
            eos_token_id=_end_tokens(model, self.tokenizer),
            pad_token_id=self._pad,
        )
        with precision(self.device):
            out = model.generate(input_ids=ids, attention_mask=mask, generation_config=config)
        texts: list[str] = self.tokenizer.batch_decode(
            out[:, ids.shape[1] :], skip_special_tokens=True
        )
        return texts

    @property
    def _pad(self) -> int:
        return int(self.tokenizer.pad_token_id)


def token_mean(sums: Sequence[float], counts: Sequence[int]) -> dict[str, float]:
    """`loss`, the mean over tokens, and `loss_stderr`, its standard error over examples.

    `sums` are the examples' summed token losses, `counts` their tokens. The error is that of a
    ratio estimate (Cochran, Sampling Techniques, 3rd ed., 2.11): examples are independent, the
    tokens of one are not. Needs two examples.
    """
    loss_sums, tokens = np.asarray(sums), np.asarray(counts, np.float64)
    mean = float(loss_sums.sum() / tokens.sum())
    if len(tokens) < 2:
        return {"loss": mean}
    squares = float(((loss_sums - mean * tokens) ** 2).sum())
    error = math.sqrt(squares * len(tokens) / (len(tokens) - 1)) / float(tokens.sum())
    return {"loss": mean, "loss_stderr": error}


def same_answer(reply: str, wanted: str, marker: str | None) -> bool:
    """True when both say the same up to white space. With a marker only what follows its last
    occurrence counts, and a reply without it is wrong."""
    if marker is not None and marker in wanted:
        if marker not in reply:
            return False
        reply, wanted = reply.rpartition(marker)[2], wanted.rpartition(marker)[2]
    return reply.split() == wanted.split()


def _spread(count: int, limit: int) -> list[int]:
    return [int(i) for i in np.linspace(0, count - 1, min(count, limit)).round()]


def _end_tokens(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """What ends a reply: the tokenizer's end token and those that the model's makers named."""
    named = model.generation_config.eos_token_id
    ids = named if isinstance(named, list) else [] if named is None else [named]
    return sorted({int(tokenizer.eos_token_id), *ids})
