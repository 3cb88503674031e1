"""What a trial is made of: base model, training data, held-out data. Loaded once a worker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from workers.recipes.context import Context
from workers.recipes.parts.choices import read_held_out
from workers.recipes.parts.data import Examples, tokenise
from workers.recipes.parts.evaluate import Evaluator
from workers.recipes.parts.facts import required
from workers.recipes.parts.formats import read_examples
from workers.recipes.parts.models import Base, load_base
from workers.recipes.parts.questions import Questions, tokenise_held_out
from workers.recipes.parts.rows import Source, eval_sources, train_source

Tokenised = TypeVar("Tokenised")


@dataclass(frozen=True)
class Train:
    """Tokenised training examples and the digest of what they were made from."""

    examples: Examples
    digest: str


def materials(context: Context) -> tuple[Base, Train, Evaluator]:
    """Model, training data and evaluator, from the worker's cache where they are there."""
    model, data = required(context.workload)
    source = train_source(data, context.roots)
    base = load_base(model, data, source, context.roots, context.cache, context.device)
    train = Train(_tokens(context, base, source), source.digest())
    sets = {s.label: _held_out(context, base, s) for s in eval_sources(data, context.roots)}
    evaluator = Evaluator(
        base.tokenizer, sets, context.evaluation, context.micro_batch_size, context.device
    )
    return base, train, evaluator


def _tokens(context: Context, base: Base, source: Source) -> Examples:
    _, data = required(context.workload)

    def make(length: int) -> Examples:
        return tokenise(source, read_examples(source, data), base.tokenizer, length)

    return _cached(context, base, source, make)


def _held_out(context: Context, base: Base, source: Source) -> Examples | Questions:
    _, data = required(context.workload)

    def make(length: int) -> Examples | Questions:
        return tokenise_held_out(source, read_held_out(source, data), base.tokenizer, length)

    return _cached(context, base, source, make)


def _cached(
    context: Context, base: Base, source: Source, make: Callable[[int], Tokenised]
) -> Tokenised:
    """What `make` does of the source's rows at their longest length, once a worker."""
    _, data = required(context.workload)
    length = min(context.workload.max_length, base.limit)
    said = f"{source.use} {source.digest()} {data.format} {data.fields}"
    key = f"sft.tokens {said} {length} {base.key}"
    if key not in context.cache:
        context.cache[key] = make(length)
    tokens: Tokenised = context.cache[key]
    return tokens
