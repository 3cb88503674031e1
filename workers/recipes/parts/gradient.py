"""The gradient of one global batch, made of micro-batches that fit the memory."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from transformers import PreTrainedModel

from sweeps.errors import SweepError
from sweeps.seeds import generator
from sweeps.trial import BatchCut
from workers.recipes.context import Context, Part, TryAgainError
from workers.recipes.parts.batches import Batch, collate, collate_packed
from workers.recipes.parts.data import Examples
from workers.recipes.parts.fitting import first_limit, leave_word, remember
from workers.recipes.parts.loss import token_losses
from workers.recipes.parts.memory import is_out_of_memory, let_go
from workers.recipes.parts.micro import Cut, cut_batch
from workers.recipes.parts.models import Base
from workers.recipes.parts.slices import whole

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class BatchSum:
    """One global batch: non-padding tokens, tokens that the loss is over, their mean loss, and
    how it was cut.

    `part` is made of its first micro-batches, None when those are the whole batch.
    """

    tokens: int
    label_tokens: int
    loss: float
    cut: BatchCut
    part: Part | None = None


class GlobalGradient:
    """Makes the gradient of global batches of `examples`; the same numbers, but for rounding, on
    any number of ranks and for any micro-batch.

    Make it once the context's state is registered: a resumed run goes on with the micro-batch it
    had. When memory runs out the micro-batch is halved and the step done again; nothing of a step
    is in the weights before its gradient is whole. What follows is for `applying`.
    """

    def __init__(
        self, model: PreTrainedModel, examples: Examples, context: Context, base: Base, seed: int
    ) -> None:
        self._model, self._examples, self._context = model, examples, context
        self._pad, self._seed = int(base.tokenizer.pad_token_id), seed
        # Ranks have other samples, so they must not drop the same out of them.
        rank = context.world.rank
        self._dropout = f"sft-dropout-{rank}" if rank else "sft-dropout"
        self._lengths, self._labels = examples.lengths, examples.label_counts
        self._fit = first_limit(context, base, model, examples, self._try)

    def __call__(self, step: int, chosen: Sequence[int]) -> BatchSum:
        """Add the gradient of the token-mean loss of the examples `chosen`, of all ranks', to the
        model: on each rank its share of the sum, for the ranks to sum up.

        `step` counts from 0; with the seed it gives dropout and the part that noise is measured
        by. Raises SweepError when not even one example fits.
        """
        while True:
            # Drawn anew for every step, so a resumed run needs no history.
            torch.manual_seed(int(generator(self._seed, self._dropout, step).integers(2**63)))
            try:
                return self._accumulate(step, chosen)
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                if self._context.world.size > 1:
                    # The other ranks are somewhere in the model and wait for this one: only a new
                    # attempt, from the checkpoint, finds all of them at one place again.
                    raise self._next_time(self._too_large()) from error
            self._halve(step)

    @contextmanager
    def applying(self) -> Iterator[None]:
        """In here the gradient is clipped and goes into the weights.

        What runs out of memory meanwhile may have moved some of them, or their moments, so it
        cannot be done again in place. Raises TryAgainError: the next attempt begins with half the
        micro-batch, from the checkpoint. SweepError when there is nothing left to halve.
        """
        try:
            yield
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            raise self._next_time(self._no_room_to_update()) from error

    def _accumulate(self, step: int, chosen: Sequence[int]) -> BatchSum:
        context, model, rank = self._context, self._model, self._context.world.rank
        places = np.asarray(chosen)
        # Every rank has all lengths, so none needs to be told what the others do.
        lengths, labels = self._lengths[places], self._labels[places]
        random = generator(self._seed, "sft-noise", step)
        cut = cut_batch(lengths.tolist(), self._fit.limit, context.world.size, random)
        label_tokens, norm = int(labels.sum()), None
        total = torch.zeros((), dtype=torch.float64, device=context.device)
        for number in range(cut.passes):
            batch, weight = self._batch(chosen, cut, rank, number)
            loss = token_losses(model, batch.to(context.device), context.device).sum() * weight
            (loss / label_tokens).backward()  # type: ignore[no-untyped-call]
            # Only now: one that did not fit is no measure of what others take.
            context.micro_batch(batch.ids.numel())
            total += loss.detach()
            if number == 0 and cut.drawn:
                norm = grad_norm(model)
        (summed,) = context.world.sum(float(total))
        return BatchSum(
            int(lengths.sum()),
            label_tokens,
            summed / label_tokens,
            self._told(len(chosen), cut),
            _part(cut, norm, labels, label_tokens),
        )

    def _batch(
        self, chosen: Sequence[int], cut: Cut, rank: int, number: int
    ) -> tuple[Batch, float]:
        """Micro-batch `number` of a rank, and what it counts: 0 where the rank has no more, but
        must go along with the others."""
        mine = cut.parts[rank]
        if number < len(mine):
            return self._collate([chosen[place] for place in mine[number]]), 1.0
        return self._collate([int(self._lengths.argmin())]), 0.0

    def _collate(self, chosen: Sequence[int]) -> Batch:
        if self._fit.limit.packed:
            return collate_packed(self._examples, chosen)
        return collate(self._examples, chosen, self._pad)

    def _try(self, size: int, packed: bool) -> None:
        """A forward and backward pass over the `size` longest examples."""
        longest = np.argsort(-self._lengths, kind="stable")[:size].tolist()
        chosen = [longest[i % len(longest)] for i in range(size)]
        whole = collate_packed(self._examples, chosen) if packed else None
        batch = whole or collate(self._examples, chosen, self._pad)
        device = self._context.device
        token_losses(self._model, batch.to(device), device).sum().backward()  # type: ignore[no-untyped-call]

    def _next_time(self, hopeless: SweepError) -> Exception:
        """What ends an attempt that cannot be mended here, having left word for the next one;
        `hopeless` when there is nothing left to halve."""
        if self._fit.limit.samples == 1:
            return hopeless
        return TryAgainError(leave_word(self._context, self._fit))

    def _too_large(self) -> SweepError:
        return SweepError(
            f"The memory of this {self._context.device} does not hold one example of "
            f"{self._fit.limit.longest} tokens. Lower workload.max_length, set "
            "workload.options.gradient_checkpointing: true, or train an adapter."
        )

    def _no_room_to_update(self) -> SweepError:
        return SweepError(
            f"The memory of this {self._context.device} holds the gradient of one example at a "
            "time, and ran out when it went into the weights: for the optimizer's moments, or "
            "because another process took of it. Give trials more of a device, or train an "
            "adapter."
        )

    def _halve(self, step: int) -> None:
        let_go(self._model)
        if self._fit.limit.samples == 1:
            raise self._too_large()
        self._fit = self._fit.halved()
        remember(self._context, self._fit)
        log.warning(
            "step %d ran out of memory; the micro-batch is %d examples now, the global batch stays",
            step + 1,
            self._fit.limit.samples,
        )

    def _told(self, count: int, cut: Cut) -> BatchCut:
        limit, ranks = self._fit.limit, self._context.world.size
        return BatchCut(
            effective_batch_size=count,
            devices=ranks,
            per_device_train_batch_size=limit.samples,
            gradient_accumulation_steps=cut.passes,
            packed_tokens=limit.tokens if limit.packed else None,
            halvings=self._fit.halvings,
        )


def grad_norm(model: PreTrainedModel) -> torch.Tensor:
    """The global L2 norm of the gradient as it is now, of all ranks' slices of it where it is
    divided. Changes nothing, waits for no device of its own."""
    grads = [p.grad for p in model.parameters() if p.grad is not None]
    return whole(torch.nn.utils.get_total_norm(grads))


def _part(
    cut: Cut, norm: torch.Tensor | None, labels: np.ndarray, label_tokens: int
) -> Part | None:
    """`norm` is that of the drawn examples' share of the mean over all label tokens; their own
    mean is over their own."""
    own = int(labels[list(cut.drawn)].sum())
    if norm is None or not own:
        return None
    return Part(len(cut.drawn), float(norm) * label_tokens / own)


def clip(model: PreTrainedModel, limit: float) -> float:
    """Scale the gradient to a global L2 norm of at most `limit` (0: no limit).

    Returns the norm before.
    """
    return float(whole(torch.nn.utils.clip_grad_norm_(model.parameters(), limit or math.inf)))
