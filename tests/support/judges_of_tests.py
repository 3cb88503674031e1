"""Judges for tests, registered as an operator registers them: SWEEP_JUDGES=name=module:function."""

from __future__ import annotations

from collections.abc import Sequence

# What the last call was given.
heard: list[tuple[list[str], list[str], list[str]]] = []


def length(prompts: Sequence[str], replies: Sequence[str], answers: Sequence[str]) -> list[float]:
    """How near a reply is to the right one in length, 1 at best."""
    heard.append((list(prompts), list(replies), list(answers)))
    pairs = zip(replies, answers, strict=True)
    return [1 / (1 + abs(len(reply) - len(answer))) for reply, answer in pairs]
