"""Multiple-choice questions as token ids, and how many of them a model gets right."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerBase

from workers.recipes.parts.choices import Question
from workers.recipes.parts.data import Examples, cut_left, opening, pack, tokenise
from workers.recipes.parts.formats import Example
from workers.recipes.parts.rows import Source


@dataclass(frozen=True)
class Questions:
    """Tokenised questions. Choice c of question q is example bounds[q] + c, its prompt before it;
    `learnt` marks the tokens of the choice. `sizes` are the choices' bytes in UTF-8, one for each
    example; `right[q]` is the place of the true choice.
    """

    examples: Examples
    bounds: list[int]
    sizes: NDArray[np.float64]
    right: list[int]

    def __len__(self) -> int:
        return len(self.right)

    def span(self, question: int) -> range:
        """The examples of one question's choices."""
        return range(self.bounds[question], self.bounds[question + 1])


def tokenise_held_out(
    source: Source,
    rows: Sequence[Example] | Sequence[Question],
    tokenizer: PreTrainedTokenizerBase,
    max_length: int,
) -> Examples | Questions:
    """An evaluation set, as `choices.read_held_out` gives it. Raises SpecError."""
    questions = [row for row in rows if isinstance(row, Question)]
    if questions:
        return tokenise_questions(source, questions, tokenizer, max_length)
    examples = [row for row in rows if not isinstance(row, Question)]
    return tokenise(source, examples, tokenizer, max_length)


def tokenise_questions(
    source: Source,
    questions: Sequence[Question],
    tokenizer: PreTrainedTokenizerBase,
    max_length: int,
) -> Questions:
    """Every choice behind its prompt, `max_length` tokens at most: a longer prompt loses its
    first tokens (not the begin token), a choice loses none. Raises SpecError for one too long.
    """
    begin = opening(tokenizer)
    rows: list[tuple[list[int], list[bool]]] = []
    for question in questions:
        texts = [f"{question.prompt} {choice}" for choice in question.choices]
        encoded = tokenizer([question.prompt, *texts], add_special_tokens=False, verbose=False)
        prompt, *wholes = encoded["input_ids"]
        for place, whole in enumerate(wholes):
            # As lm-evaluation-harness splits them (_encode_pair): prompt and choice are encoded as
            # one text, so that the choice has the ids it has in running text; what is beyond the
            # length of the prompt's own ids is the choice. Space belongs to the choice. Where a
            # tokenizer melts the two together, the last token is still the choice's.
            size = len(whole) - min(len(prompt), len(whole) - 1)
            if size + len(begin) >= max_length:
                message = f"choice {place} is {size} tokens long: no prompt fits before it"
                mend = f"Shorten it; a sequence has at most {max_length} tokens (max_length)."
                raise source.error(message, mend, question.line)
            ids = cut_left([*begin, *whole], max_length, begin[0] if begin else None)
            rows.append((ids, [False] * (len(ids) - size) + [True] * size))
    choices = [choice for question in questions for choice in question.choices]
    return Questions(
        examples=pack(rows, choices, 0),
        bounds=np.cumsum([0, *(len(question.choices) for question in questions)]).tolist(),
        sizes=np.array([float(len(choice.encode())) for choice in choices]),
        right=[question.right for question in questions],
    )


def accuracies(
    questions: Questions, chosen: Sequence[int], scores: Sequence[float]
) -> dict[str, float]:
    """`accuracy` and `accuracy_norm` with their standard errors.

    `scores` are the choices' summed log-likelihoods, those of the first chosen question first. The
    answer is the choice with the highest score (acc of lm-evaluation-harness), or with the highest
    score a byte (acc_norm: https://blog.eleuther.ai/multiple-choice-normalization/). Equal scores:
    the first. A score that is no number, or a
    question all of whose choices are impossible, makes both NaN.
    """
    plain, norm, start, broken = [], [], 0, bool(np.isnan(scores).any())
    for question in chosen:
        span = questions.span(question)
        found = np.asarray(scores[start : start + len(span)])
        start += len(span)
        broken = broken or not np.isfinite(found).any()
        right = questions.right[question]
        plain.append(int(np.argmax(found)) == right)
        norm.append(int(np.argmax(found / questions.sizes[span.start : span.stop])) == right)
    if broken:
        return {"accuracy": math.nan, "accuracy_norm": math.nan}
    return {**share("accuracy", plain), **share("accuracy_norm", norm)}


def share(name: str, hits: Sequence[bool]) -> dict[str, float]:
    """The share of hits as `name`, and from two on `name_stderr`: their sample standard deviation
    over sqrt(n), which is sqrt(p (1 - p) / (n - 1))."""
    count, p = len(hits), sum(hits) / len(hits)
    found = {name: p}
    if count > 1:
        found[f"{name}_stderr"] = math.sqrt(p * (1 - p) / (count - 1))
    return found
