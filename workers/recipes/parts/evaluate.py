"""Everything that is measured on held-out data at a decision point. docs/evaluation.md has the
formulas."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from sweeps.metric import DEV, UNSEEN
from sweeps.spec import Evaluation
from workers.recipes.parts.data import Examples
from workers.recipes.parts.harness import Harness
from workers.recipes.parts.judging import scores
from workers.recipes.parts.likelihood import loss_sums, token_mean
from workers.recipes.parts.memory import is_out_of_memory, let_go
from workers.recipes.parts.questions import Questions, accuracies, share
from workers.recipes.parts.replies import Generator, same_answer
from workers.registered import Judge

Sets = Mapping[str, Examples | Questions]


@dataclass
class Evaluator:
    """Evaluates a model on every held-out set of a workload. `sets` maps a label ("" for a single
    set) to what is in it, `unseen` those that are kept for the end. `judge` is the one that the
    evaluation names.

    Examples go through the model in batches of the size that training has found to fit, which
    `training` tells once it is known; of `batch_size` before; of less once that did not fit here.
    """

    tokenizer: PreTrainedTokenizerBase
    sets: Sets
    evaluation: Evaluation
    batch_size: int
    device: str
    unseen: Sets = field(default_factory=dict)
    judge: Judge | None = None
    harness: Harness | None = None
    training: Callable[[], int | None] = lambda: None
    # The most that an evaluation may still try.
    _most: int | None = field(default=None, init=False)

    @property
    def measures(self) -> bool:
        """False for a workload without anything to evaluate."""
        return bool(self.sets or self.unseen or self.harness)

    def __call__(self, model: PreTrainedModel, *, last: bool = False) -> dict[str, float]:
        """`eval_loss` and, when asked for, `eval_exact_match` and `eval_judge` of examples;
        `eval_accuracy` and `eval_accuracy_norm` of questions; each with `_stderr` from two on, and
        with `eval_<label>_` before it for a labelled set; `eval_<task>_` of harness tasks. `last`:
        the run ends here, so that the unseen sets are due too, as `unseen_` and so on.

        Takes at most `max_examples` of a set, evenly spread over it, the same ones every time.
        Leaves the model's mode and the random numbers as they were. When memory runs out it is
        done again in batches of half the size, as are all that follow: nothing but rounding depends
        on them.
        """
        size = self._size()
        training, random = model.training, torch.get_rng_state()
        model.eval()
        try:
            with torch.no_grad():
                found = self._all(model, DEV, self.sets, size)
                if last:
                    found |= self._all(model, UNSEEN, self.unseen, size)
                if self.harness is not None:
                    asked = replace(self.harness, batch_size=size)
                    found |= {DEV + name: value for name, value in asked(model).items()}
                return found
        except RuntimeError as error:
            if not is_out_of_memory(error) or size == 1:
                raise
        finally:
            torch.set_rng_state(random)
            model.train(training)
        let_go(model)
        self._most = size // 2
        return self(model, last=last)

    def _size(self) -> int:
        wanted = self.training() or self.batch_size
        return wanted if self._most is None else min(wanted, self._most)

    def _all(self, model: PreTrainedModel, split: str, sets: Sets, size: int) -> dict[str, float]:
        metrics: dict[str, float] = {}
        for label, held_out in sets.items():
            prefix = f"{split}{label}_" if label else split
            chosen = _spread(len(held_out), self.evaluation.max_examples)
            if isinstance(held_out, Questions):
                found = self._choose(model, held_out, chosen, size)
            else:
                found = self._predict(model, held_out, chosen, size)
            metrics |= {prefix + name: value for name, value in found.items()}
        return metrics

    def _predict(
        self, model: PreTrainedModel, examples: Examples, chosen: Sequence[int], size: int
    ) -> dict[str, float]:
        sums, counts = loss_sums(model, examples, chosen, size, self.device)
        found = token_mean(sums.tolist(), counts.tolist())
        asked = self.evaluation
        if not asked.exact_match and self.judge is None:
            return found
        prompts = [examples.prompt(index) for index in chosen]
        wanted = [examples.answers[index] for index in chosen]
        generator = Generator(self.tokenizer, asked.max_new_tokens, size, self.device)
        replies = generator.replies(model, prompts)
        if asked.exact_match:
            pairs = zip(replies, wanted, strict=True)
            hits = [same_answer(reply, answer, asked.answer_marker) for reply, answer in pairs]
            found |= share("exact_match", hits)
        if self.judge is not None:
            texts: list[str] = self.tokenizer.batch_decode(prompts, skip_special_tokens=True)
            found |= scores(self.judge, texts, replies, wanted)
        return found

    def _choose(
        self, model: PreTrainedModel, questions: Questions, chosen: Sequence[int], size: int
    ) -> dict[str, float]:
        choices = [index for question in chosen for index in questions.span(question)]
        sums, _ = loss_sums(model, questions.examples, choices, size, self.device)
        return accuracies(questions, chosen, (-sums).tolist())


def _spread(count: int, limit: int) -> list[int]:
    return [int(i) for i in np.linspace(0, count - 1, min(count, limit)).round()]
