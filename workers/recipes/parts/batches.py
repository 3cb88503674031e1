"""Which examples make up which batch, and batches as padded tensors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from sweeps.seeds import generator
from workers.recipes.parts.data import Examples


class SampleOrder:
    """The order in which a run sees `count` examples.

    Sample i of the run is permutation(seed, epoch i // count)[i % count], so batches run on
    across epochs and a resumed run needs nothing but its number of samples.
    """

    def __init__(self, count: int, seed: int) -> None:
        self.count, self.seed = count, seed
        self._epoch, self._shuffled = -1, np.empty(0, np.int64)

    def take(self, start: int, size: int) -> list[int]:
        """The examples of samples start ... start + size - 1."""
        return [
            int(self._permutation(i // self.count)[i % self.count])
            for i in range(start, start + size)
        ]

    def _permutation(self, epoch: int) -> NDArray[np.int64]:
        if epoch != self._epoch:
            rng = generator(self.seed, "sft-order", epoch)
            self._epoch, self._shuffled = epoch, rng.permutation(self.count)
        return self._shuffled


@dataclass(frozen=True)
class Batch:
    """`size` padded examples on a device; all tensors are (size, longest), int64.

    `mask` is 1 on tokens and 0 on padding. `rows`, `columns`, `targets` (each of the number of
    label tokens) say that the logits at (row, column) must predict `target`.
    """

    ids: torch.Tensor
    mask: torch.Tensor
    rows: torch.Tensor
    columns: torch.Tensor
    targets: torch.Tensor

    @property
    def label_tokens(self) -> int:
        """How many tokens this batch's loss is taken over."""
        return len(self.targets)

    def to(self, device: str) -> Batch:
        """The same batch on a device."""
        tensors = (self.ids, self.mask, self.rows, self.columns, self.targets)
        return Batch(*(tensor.to(device) for tensor in tensors))


def collate(examples: Examples, chosen: Sequence[int], pad: int) -> Batch:
    """The chosen examples on the CPU, padded on the right."""
    pairs = [examples.example(index) for index in chosen]
    shape = (len(pairs), max(len(ids) for ids, _ in pairs))
    ids, mask = np.full(shape, pad, np.int64), np.zeros(shape, np.int64)
    learnt = np.zeros(shape, np.bool_)
    for row, (tokens, marks) in enumerate(pairs):
        ids[row, : len(tokens)], learnt[row, : len(tokens)] = tokens, marks
        mask[row, : len(tokens)] = 1
    rows, columns = np.nonzero(learnt[:, 1:])
    arrays = (ids, mask, rows, columns, ids[rows, columns + 1])
    return Batch(*(torch.from_numpy(array) for array in arrays))


def micro_batches(
    examples: Examples, chosen: Sequence[int], size: int, pad: int
) -> Iterator[Batch]:
    """A global batch in parts of at most `size`, longest examples first."""
    lengths = np.diff(examples.bounds)[list(chosen)]
    for part in by_length(lengths.tolist(), size):
        yield collate(examples, [chosen[place] for place in part], pad)


def by_length(lengths: Sequence[int], size: int) -> Iterator[list[int]]:
    """Places 0 ... len(lengths) - 1 in parts of at most `size`, longest first: less padding, and a
    batch too large for the memory fails at once."""
    ordered = np.argsort(-np.asarray(lengths), kind="stable").tolist()
    for start in range(0, len(ordered), size):
        yield ordered[start : start + size]


def pad_left(
    prompts: Sequence[Sequence[int]], pad: int, device: str
) -> tuple[torch.Tensor, torch.Tensor]:
    """Prompts with equal ends, as generation needs them: ids and mask, (prompts, longest)."""
    longest = max(len(prompt) for prompt in prompts)
    ids = np.full((len(prompts), longest), pad, np.int64)
    mask = np.zeros_like(ids)
    for row, prompt in enumerate(prompts):
        ids[row, longest - len(prompt) :], mask[row, longest - len(prompt) :] = prompt, 1
    return torch.from_numpy(ids).to(device), torch.from_numpy(mask).to(device)
