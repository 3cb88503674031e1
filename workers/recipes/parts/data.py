"""Examples -> token ids, each with a mark that says whether it is to be learnt.

Of a prompt and completion the completion is learnt and the end token after it; of a conversation
the assistant's turns, up to and with what its chat template closes them with.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jinja2
import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerBase

from sweeps.errors import Fault, SpecError
from workers.recipes.parts.formats import Chat, Example, Pair
from workers.recipes.parts.rows import Source

_LOG = logging.getLogger(__name__)
_CHUNK = 1000
_NO_TEMPLATE = "Give prompt and completion, or a tokenizer with a chat template."
Ids = NDArray[np.int64]
Marks = NDArray[np.bool_]


@dataclass(frozen=True)
class Examples:
    """Tokenised examples, end to end: example i is [bounds[i], bounds[i + 1]) of ids and learnt.

    `answers` is what a right reply to each prompt says, `dropped` how many examples had no token
    left to learn after cutting.
    """

    ids: NDArray[np.int32]
    learnt: Marks
    bounds: Ids
    answers: list[str]
    dropped: int

    def __len__(self) -> int:
        return len(self.answers)

    @property
    def lengths(self) -> Ids:
        """Tokens of every example."""
        return np.diff(self.bounds)

    @property
    def label_counts(self) -> Ids:
        """Tokens of every example that a loss is taken over: its first is predicted by nothing."""
        starts = self.bounds[:-1]
        learnt = np.add.reduceat(self.learnt, starts, dtype=np.int64)
        counts: Ids = learnt - self.learnt[starts]
        return counts

    def example(self, index: int) -> tuple[Ids, Marks]:
        """Token ids and marks of one example, both of its length."""
        span = slice(self.bounds[index], self.bounds[index + 1])
        return self.ids[span].astype(np.int64), self.learnt[span]

    def prompt(self, index: int) -> Ids:
        """The ids before the last learnt stretch: what a model is given to reply to."""
        ids, learnt = self.example(index)
        starts = np.flatnonzero(learnt & ~np.concatenate(([False], learnt[:-1])))
        return ids[: starts[-1]]


def tokenise(
    source: Source,
    examples: Sequence[Example],
    tokenizer: PreTrainedTokenizerBase,
    max_length: int,
) -> Examples:
    """Tokenise and cut at `max_length` tokens. Examples with nothing left to learn are dropped
    (logged with their number). Raises SpecError when none is left or a chat template fails.
    """
    rows: list[tuple[list[int], list[bool]]] = []
    answers: list[str] = []
    for start in range(0, len(examples), _CHUNK):
        chunk = examples[start : start + _CHUNK]
        pieces = [_pieces(source, tokenizer, example) for example in chunk]
        for example, row in zip(chunk, _encode(tokenizer, pieces), strict=True):
            ids, learnt = row[0][:max_length], row[1][:max_length]
            # The first token is predicted by nothing, so it cannot be learnt.
            if any(learnt[1:]):
                rows.append((ids, learnt))
                answers.append(_answer(example))
    dropped = len(examples) - len(rows)
    if dropped:
        _LOG.warning(
            "%s: dropped %d of %d examples: no completion left within %d tokens",
            source.name,
            dropped,
            len(examples),
            max_length,
        )
    if not rows:
        message = f"no example of {source.name} has anything to learn within {max_length} tokens"
        pointer = "/spec/workload/max_length"
        raise SpecError([Fault(pointer, str(max_length), message, "Write a larger one.")])
    return pack(rows, answers, dropped)


def pack(
    rows: Sequence[tuple[list[int], list[bool]]], answers: list[str], dropped: int
) -> Examples:
    """Rows of ids and marks (at least one) as Examples."""
    return Examples(
        ids=np.concatenate([np.asarray(ids, np.int32) for ids, _ in rows]),
        learnt=np.concatenate([np.asarray(learnt, np.bool_) for _, learnt in rows]),
        bounds=np.cumsum([0, *(len(ids) for ids, _ in rows)]),
        answers=answers,
        dropped=dropped,
    )


# A piece is text to encode, or ids as they are, and whether it is learnt.
_Piece = tuple[str | list[int], bool]


def _pieces(source: Source, tokenizer: PreTrainedTokenizerBase, example: Example) -> list[_Piece]:
    if isinstance(example, Pair):
        end = [int(tokenizer.eos_token_id)]
        text: list[_Piece] = [(example.prompt, False), (example.completion, True), (end, True)]
        return [(opening(tokenizer), False), *text]
    try:
        return _turns(tokenizer, example)
    except (jinja2.TemplateError, ValueError) as error:
        raise source.error(f"the chat template fails: {error}", _NO_TEMPLATE) from error


def opening(tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """The begin token, where this tokenizer puts one before every text by itself."""
    ids = tokenizer("")["input_ids"][:1]
    return [int(i) for i in ids if i == tokenizer.bos_token_id]


def _turns(tokenizer: PreTrainedTokenizerBase, chat: Chat) -> list[_Piece]:
    messages = list(chat.messages)
    whole = _render(tokenizer, messages, False)
    pieces: list[_Piece] = []
    done = 0
    for index, message in enumerate(messages):
        if message["role"] != "assistant":
            continue
        before = _render(tokenizer, messages[:index], True)
        after = _render(tokenizer, messages[: index + 1], False)
        if not (whole.startswith(before) and whole.startswith(after)):
            raise ValueError("it writes earlier turns anew, so turns cannot be told apart")
        pieces += [(whole[done : len(before)], False), (whole[len(before) : len(after)], True)]
        done = len(after)
    return [*pieces, (whole[done:], False)]


def _render(tokenizer: PreTrainedTokenizerBase, messages: list[dict[str, str]], reply: bool) -> str:
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=reply)
    return str(text)


def cut_left(ids: Sequence[int], length: int, begin: int | None) -> list[int]:
    """The last ids, `length` at most. A begin token in front stays in front: models that were
    trained with one do badly without."""
    kept = 1 if len(ids) > 0 and begin is not None and ids[0] == begin else 0
    over = max(len(ids) - length, 0)
    return [int(token) for token in (*ids[:kept], *ids[kept + over :])]


def _encode(
    tokenizer: PreTrainedTokenizerBase, rows: list[list[_Piece]]
) -> list[tuple[list[int], list[bool]]]:
    # Piece by piece, so that a prompt has the same ids here as when it stands alone at inference.
    texts = [text for row in rows for text, _ in row if isinstance(text, str)]
    ids: list[Any] = tokenizer(texts, add_special_tokens=False, verbose=False)["input_ids"]
    encoded = iter(ids)
    out = []
    for row in rows:
        parts = [(next(encoded) if isinstance(t, str) else t, learnt) for t, learnt in row]
        out.append(
            (
                [token for part, _ in parts for token in part],
                [learnt for part, learnt in parts for _ in part],
            )
        )
    return out


def _answer(example: Example) -> str:
    if isinstance(example, Pair):
        return example.completion
    return next(m["content"] for m in reversed(example.messages) if m["role"] == "assistant")
