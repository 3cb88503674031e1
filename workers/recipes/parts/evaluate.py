"""Everything that is measured on held-out data at a decision point. docs/evaluation.md has the
formulas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from sweeps.spec import Evaluation
from workers.recipes.parts.data import Examples
from workers.recipes.parts.likelihood import loss_sums, token_mean
from workers.recipes.parts.questions import Questions, accuracies, share
from workers.recipes.parts.replies import Generator, same_answer


@dataclass(frozen=True)
class Evaluator:
    """Evaluates a model on every held-out set of a workload. `sets` maps a label ("" for a single
    set) to what is in it; `batch_size` is that of training, which is known to fit."""

    tokenizer: PreTrainedTokenizerBase
    sets: Mapping[str, Examples | Questions]
    evaluation: Evaluation
    batch_size: int
    device: str

    def __call__(self, model: PreTrainedModel) -> dict[str, float]:
        """`eval_loss` and, when asked for, `eval_exact_match` of examples; `eval_accuracy` and
        `eval_accuracy_norm` of questions; each with `_stderr` from two on, and with
        `eval_<label>_` before it for a labelled set.

        Takes at most `max_examples` of a set, evenly spread over it, the same ones every time.
        Leaves the model's mode and the random numbers as they were.
        """
        training = model.training
        model.eval()
        try:
            with torch.no_grad():
                return self._all(model)
        finally:
            model.train(training)

    def _all(self, model: PreTrainedModel) -> dict[str, float]:
        metrics: dict[str, float] = {}
        for label, held_out in self.sets.items():
            prefix = f"eval_{label}_" if label else "eval_"
            chosen = _spread(len(held_out), self.evaluation.max_examples)
            if isinstance(held_out, Questions):
                found = self._choose(model, held_out, chosen)
            else:
                found = self._predict(model, held_out, chosen)
            metrics |= {prefix + name: value for name, value in found.items()}
        return metrics

    def _predict(
        self, model: PreTrainedModel, examples: Examples, chosen: Sequence[int]
    ) -> dict[str, float]:
        sums, counts = loss_sums(model, examples, chosen, self.batch_size, self.device)
        found = token_mean(sums.tolist(), counts.tolist())
        if not self.evaluation.exact_match:
            return found
        asked = self.evaluation
        generator = Generator(self.tokenizer, asked.max_new_tokens, self.batch_size, self.device)
        replies = generator.replies(model, [examples.prompt(index) for index in chosen])
        hits = [
            same_answer(reply, examples.answers[index], asked.answer_marker)
            for index, reply in zip(chosen, replies, strict=True)
        ]
        return {**found, **share("exact_match", hits)}

    def _choose(
        self, model: PreTrainedModel, questions: Questions, chosen: Sequence[int]
    ) -> dict[str, float]:
        choices = [index for question in chosen for index in questions.span(question)]
        sums, _ = loss_sums(model, questions.examples, choices, self.batch_size, self.device)
        return accuracies(questions, chosen, (-sums).tolist())


def _spread(count: int, limit: int) -> list[int]:
    return [int(i) for i in np.linspace(0, count - 1, min(count, limit)).round()]
