"""When the memory of a device is short: telling it from other errors, and what fits."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from transformers import PreTrainedModel

# How it is said where torch has no error of its own for it: by its allocator for a CPU, by CUDA
# beside the allocator, by a library that asks CUDA itself.
_SAID = ("can't allocate memory", "CUDA error: out of memory", "CUBLAS_STATUS_ALLOC_FAILED")
# AdamW keeps two moments in single precision for every trained weight.
_MOMENT_BYTES = 8


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether a device, or the machine, had no memory left."""
    return isinstance(error, torch.OutOfMemoryError) or any(said in str(error) for said in _SAID)


def let_go(model: PreTrainedModel) -> None:
    """Give back what a pass that broke off has left: gradients, and torch's own reserve.

    Call it outside the `except`, whose traceback holds the activations.
    """
    model.zero_grad(set_to_none=True)
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def reclaim() -> None:
    """Give back what outlived earlier trials and nobody refers to any more.

    The modules of a divided model refer to each other, so only the collector frees one; and it
    passes over all that was frozen between two trials (`workers.upkeep`).
    """
    gc.unfreeze()
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def largest(fits: Callable[[int], bool], most: int) -> int:
    """The largest n of 1 ... `most` for which `fits`, to within an eighth; 0 when 1 does not.

    `fits` is asked about log2(most) times; it must hold for all below one for which it holds.
    """
    if fits(most):
        return most
    fitting, too_large = 0, most
    while too_large - fitting > max(1, fitting // 8):
        middle = (fitting + too_large) // 2
        if fits(middle):
            fitting = middle
        else:
            too_large = middle
    return fitting


def probe(model: PreTrainedModel, most: int, attempt: Callable[[int], None]) -> int:
    """The largest micro-batch of at most `most` examples that fits, 0 when not even one does.

    `attempt(n)` makes a forward and backward pass over the n longest examples. Room is kept for
    the optimizer's moments, which do not exist yet. Leaves weights, gradients, random numbers and
    the statistics of peak memory as if nothing had been tried.
    """

    def fits(size: int) -> bool:
        try:
            attempt(size)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            fit = False
        else:
            fit = True
        let_go(model)
        return fit

    with _untouched_random(), _room_for_moments(model):
        found = largest(fits, most)
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    return found


@contextmanager
def _untouched_random() -> Iterator[None]:
    with torch.random.fork_rng():
        yield


@contextmanager
def _room_for_moments(model: PreTrainedModel) -> Iterator[None]:
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    room = torch.empty(trained * _MOMENT_BYTES, dtype=torch.uint8, device=model.device)
    try:
        yield
    finally:
        del room
