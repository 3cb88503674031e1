"""What a trial is made of: base model, training data, held-out data. Loaded once a worker."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from sweeps.spec import Data
from workers.recipes.context import Context
from workers.recipes.parts.choices import read_held_out
from workers.recipes.parts.data import Examples, tokenise
from workers.recipes.parts.digests import Digests
from workers.recipes.parts.evaluate import Evaluator
from workers.recipes.parts.facts import required
from workers.recipes.parts.formats import read_examples
from workers.recipes.parts.harness import Harness, load_tasks
from workers.recipes.parts.models import Base, load_base
from workers.recipes.parts.questions import Questions, tokenise_held_out
from workers.recipes.parts.rows import Source, eval_sources, train_sources, unseen_sources
from workers.recipes.parts.token_cache import cached, entry
from workers.registered import load_judge

Tokenised = TypeVar("Tokenised", bound=Examples | Questions)


@dataclass(frozen=True)
class Train:
    """Tokenised training examples and the digest of what they were made from.

    Where phases have data of their own the examples of all of it stand end to end, and `parts` says
    which are those of each phase. The same data is there once, however many phases take it.
    """

    examples: Examples
    digest: str
    parts: tuple[range, ...] = ()


def materials(context: Context) -> tuple[Base, Train, Evaluator]:
    """Model, training data and evaluator, from the worker's cache where they are there."""
    model, data = required(context.workload)
    sources = train_sources(context.workload, context.roots)
    # With several devices what trains is a divided copy (`shard`); the base stays in main memory.
    device = context.device if context.world.size == 1 else "cpu"
    digests = Digests(context.cache)
    base = load_base(model, data, sources, context.roots, context.cache, device, digests.of)
    loaded = _Loaded(context, base, digests)
    return base, _train(loaded, sources), _evaluator(loaded, data)


@dataclass(frozen=True)
class _Loaded:
    """What the data of a trial is read for, and the digests that are known."""

    context: Context
    base: Base
    digests: Digests


def _train(loaded: _Loaded, sources: Sequence[Source]) -> Train:
    context = loaded.context
    digests = [loaded.digests.of(source) for source in sources]
    if len(sources) == 1:
        examples = _tokens(loaded, sources[0])
        return Train(examples, digests[0], (range(len(examples)),))
    found, parts, start = list[Examples](), dict[str, range](), 0
    for source, digest in zip(sources, digests, strict=True):
        if digest not in parts:
            found.append(_tokens(loaded, source))
            parts[digest] = range(start, start + len(found[-1]))
            start += len(found[-1])
    digest = hashlib.sha256("\n".join(digests).encode()).hexdigest()
    key = f"sft.joined {digest} {' '.join(str(id(part)) for part in found)}"
    if key not in context.cache:
        context.cache[key] = joined(found)
    return Train(context.cache[key], digest, tuple(parts[digest] for digest in digests))


def joined(parts: Sequence[Examples]) -> Examples:
    """The examples of all parts (at least one), end to end in their order."""
    ends = np.cumsum([0, *(part.bounds[-1] for part in parts)])
    return Examples(
        ids=np.concatenate([part.ids for part in parts]),
        learnt=np.concatenate([part.learnt for part in parts]),
        bounds=np.concatenate(
            [[0], *(part.bounds[1:] + end for part, end in zip(parts, ends, strict=False))]
        ),
        answers=[answer for part in parts for answer in part.answers],
        dropped=sum(part.dropped for part in parts),
    )


def _evaluator(loaded: _Loaded, data: Data) -> Evaluator:
    """What evaluates a trial: its held-out sets, its judge and its tasks."""
    context, base = loaded.context, loaded.base
    asked, size = context.evaluation, context.micro_batch_size
    harness = None
    if asked.tasks:
        tasks = load_tasks(asked.tasks, context.tasks, context.cache)
        harness = Harness(tasks, base.tokenizer, asked.max_examples, size, context.device)
    return Evaluator(
        base.tokenizer,
        {s.label: _held_out(loaded, s) for s in eval_sources(data, context.roots)},
        asked,
        size,
        context.device,
        unseen={s.label: _held_out(loaded, s) for s in unseen_sources(data, context.roots)},
        judge=load_judge(asked.judge, context.judges) if asked.judge else None,
        harness=harness,
        training=lambda: context.cut.per_device_train_batch_size if context.cut else None,
    )


def _tokens(loaded: _Loaded, source: Source) -> Examples:
    _, data = required(loaded.context.workload)

    def make(length: int) -> Examples:
        return tokenise(source, read_examples(source, data), loaded.base.tokenizer, length)

    return _cached(loaded, source, make)


def _held_out(loaded: _Loaded, source: Source) -> Examples | Questions:
    _, data = required(loaded.context.workload)

    def make(length: int) -> Examples | Questions:
        rows = read_held_out(source, data)
        return tokenise_held_out(source, rows, loaded.base.tokenizer, length)

    return _cached(loaded, source, make)


def _cached(loaded: _Loaded, source: Source, make: Callable[[int], Tokenised]) -> Tokenised:
    """What `make` does of the source's rows at their longest length: in memory once a worker, on
    disk once a node."""
    context, base = loaded.context, loaded.base
    _, data = required(context.workload)
    length = min(context.workload.max_length, base.limit)
    digest = loaded.digests.of(source)
    said = f"{source.use} {digest} {data.format} {data.fields} {length}"
    key = f"sft.tokens {said} {base.key}"
    if key not in context.cache:
        name = entry(base.tokenizer, said)
        context.cache[key] = cached(context.token_folder, name, lambda: make(length))
    tokens: Tokenised = context.cache[key]
    return tokens
