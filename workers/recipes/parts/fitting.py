"""Which micro-batch a trial begins with: what it had, what was named, what was found to fit."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace

from transformers import PreTrainedModel

from workers.recipes.context import Context
from workers.recipes.parts.data import Examples
from workers.recipes.parts.memory import probe
from workers.recipes.parts.micro import Limit
from workers.recipes.parts.models import Base
from workers.recipes.parts.packing import choose_packing

# Beyond so many tokens at once no device that we know of gets faster.
_ENOUGH_TOKENS = 65536
_CACHE = "sft.micro_batch"
_WORD = "micro_batch.json"


@dataclass(frozen=True)
class Fit:
    """The micro-batch of a trial, how often it was halved, and `shape`: what else decides about
    the memory it takes."""

    limit: Limit
    halvings: int
    shape: str

    def halved(self) -> Fit:
        """After memory ran out."""
        return replace(self, limit=self.limit.halved(), halvings=self.halvings + 1)


def first_limit(
    context: Context,
    base: Base,
    model: PreTrainedModel,
    examples: Examples,
    attempt: Callable[[int, bool], None],
) -> Fit:
    """The micro-batch to begin with. A resumed run has the one it had, bit for bit, unless an
    attempt ran out of memory since and left word of a smaller one. Else it is what another trial
    of this shape came to in this worker; else, on CUDA, the largest that a probe finds to fit
    (`attempt(examples, packed)` is one try), of what was named at most; else what was named, or 8.

    Raises SpecError when packing is asked for and the model cannot.
    """
    longest = int(examples.lengths.max())
    packed = choose_packing(model, _asked(context), longest)
    shape = _shape(context, base, model, longest, packed)
    word, had = context.world.tell(_word(context)), context.cut
    if word is not None and (had is None or word["halvings"] > had.halvings):
        return Fit(Limit(word["samples"], longest, packed), word["halvings"], shape)
    if had is not None:
        limit = Limit(had.per_device_train_batch_size, longest, packed)
        return Fit(limit, had.halvings, shape)
    known: dict[str, int] = context.cache.setdefault(_CACHE, {})
    size = known.get(shape, context.micro_batch_size)
    if shape not in known and context.device == "cuda" and context.world.size == 1:
        # Whether one fits at all the first step will say, with a mend.
        most = _most(context, longest)
        known[shape] = size = max(1, probe(model, most, lambda count: attempt(count, packed)))
    return Fit(Limit(size, longest, packed), 0, shape)


def remember(context: Context, fit: Fit) -> None:
    """For the next trial of this shape in this worker."""
    context.cache.setdefault(_CACHE, {})[fit.shape] = fit.limit.samples


def leave_word(context: Context, fit: Fit) -> str:
    """Tell the next attempt at this trial to begin with half. Returns what that comes to. Raises
    ValueError when there is nothing left to halve."""
    half = fit.halved()
    word = {"samples": half.limit.samples, "halvings": half.halvings}
    context.folder.mkdir(parents=True, exist_ok=True)
    draft = context.folder / f"{_WORD}.{context.world.rank}.draft"
    draft.write_text(json.dumps(word))
    draft.replace(context.folder / _WORD)
    return (
        "A device ran out of memory. "
        f"The next attempt begins with a micro-batch of {half.limit.samples}."
    )


def _word(context: Context) -> dict[str, int] | None:
    path = context.folder / _WORD
    if not context.world.first or not path.is_file():
        return None
    word: dict[str, int] = json.loads(path.read_text())
    return word


def _most(context: Context, longest: int) -> int:
    if context.micro_batch_named:
        return context.micro_batch_size
    # What is foretold to fit is tried first; when it does, nothing else is.
    tokens = min(_ENOUGH_TOKENS, context.micro_batch_tokens or _ENOUGH_TOKENS)
    return max(1, min(context.plan.global_batch_size, tokens // longest))


def _asked(context: Context) -> bool | None:
    """The option `packing`. Compiled code is made for each row's own lengths, again and again, so
    where it is wanted rows are padded."""
    options = context.workload.options
    if "packing" in options:
        return bool(options["packing"])
    return False if options.get("torch_compile") else None


def _shape(context: Context, base: Base, model: PreTrainedModel, longest: int, packed: bool) -> str:
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    options = sorted(context.workload.options.items())
    most = context.micro_batch_size if context.micro_batch_named else None
    batch, ranks = context.plan.global_batch_size, context.world.size
    return f"{base.key} {trained} {longest} {packed} {options} {most} {batch} {ranks}"
