"""What both sides train on: GSM8K, or made-up text of the same spread of lengths where it is not at
hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

GSM8K = Path("/work/shared/data/sft/gsm8k/train.jsonl")
# Mean and deviation of the logarithm of the number of words in GSM8K's training questions and
# answers, and how the two go together.
_QUESTION, _ANSWER, _TOGETHER = (3.74, 0.37), (3.81, 0.54), 0.49
_WORDS = ("the", "of", "and", "to", "in", "that", "for", "was", "with", "they", "at", "this")


def rows(count: int, source: Path = GSM8K) -> tuple[list[dict[str, str]], str]:
    """`count` rows of prompt and completion, and what they are."""
    if source.is_file():
        read = [json.loads(line) for line in source.read_text().splitlines()[:count]]
        pairs = [{"prompt": r["question"] + "\n", "completion": r["answer"]} for r in read]
        return pairs, f"the first {len(pairs)} rows of GSM8K"
    return made_up(count), f"{count} made-up rows with the lengths of GSM8K"


def made_up(count: int, seed: int = 0) -> list[dict[str, str]]:
    """Rows of common words; the logarithms of the lengths are normal and go together."""
    rng = np.random.default_rng(seed)
    first, second = rng.normal(size=(2, count))
    second = _TOGETHER * first + (1 - _TOGETHER**2) ** 0.5 * second

    def text(mean: float, deviation: float, draw: float) -> str:
        return " ".join(rng.choice(_WORDS, max(4, round(np.exp(mean + deviation * draw)))))

    return [
        {"prompt": text(*_QUESTION, one) + "\n", "completion": text(*_ANSWER, other)}
        for one, other in zip(first, second, strict=True)
    ]
