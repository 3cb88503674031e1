"""Which examples make up which batch, and batches as padded tensors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from sweeps.seeds import generator
from workers.recipes.parts.data import Examples


class SampleOrder:
    """The order in which a run sees `count` examples.

    Sample i of the run is permutation(seed, epoch i // count)[i % count], so batches run on
    across epochs and a resumed run needs nothing but its number of samples. Orders of another
    `purpose` are independent of each other.

    With the `lengths` of the examples each epoch goes from short to long, equal ones in the order
    of the permutation. An epoch that a run of `samples` does not finish holds the examples that it
    would hold without: a curriculum changes their order and not which they are.
    """

    def __init__(
        self,
        count: int,
        seed: int,
        purpose: str = "sft-order",
        lengths: NDArray[np.int64] | None = None,
        samples: int = 0,
    ) -> None:
        self.count, self.seed = count, seed
        self._purpose, self._lengths, self._samples = purpose, lengths, samples
        self._epoch, self._shuffled = -1, np.empty(0, np.int64)

    def take(self, start: int, size: int) -> list[int]:
        """The examples of samples start ... start + size - 1."""
        return [
            int(self._permutation(i // self.count)[i % self.count])
            for i in range(start, start + size)
        ]

    def _permutation(self, epoch: int) -> NDArray[np.int64]:
        if epoch != self._epoch:
            rng = generator(self.seed, self._purpose, epoch)
            self._epoch, self._shuffled = epoch, rng.permutation(self.count)
            if self._lengths is not None:
                part = self._shuffled[: max(0, self._samples - epoch * self.count)]
                part[:] = part[np.argsort(self._lengths[part], kind="stable")]
        return self._shuffled


@dataclass(frozen=True)
class Batch:
    """Examples on a device, in padded rows or end to end in one row; tensors are int64.

    `ids` is (rows, longest); `mask` is 1 on tokens and 0 on padding. `rows`, `columns`, `targets`
    (each of the number of label tokens, in row-major order) say that the logits at (row, column)
    must predict `target`. `segments` are the lengths of the examples in a single packed row, empty
    for padded rows.
    """

    ids: torch.Tensor
    mask: torch.Tensor
    rows: torch.Tensor
    columns: torch.Tensor
    targets: torch.Tensor
    segments: tuple[int, ...] = ()

    @property
    def label_tokens(self) -> int:
        """How many tokens this batch's loss is taken over."""
        return len(self.targets)

    def to(self, device: str) -> Batch:
        """The same batch on a device."""
        names = ("ids", "mask", "rows", "columns", "targets")
        return replace(self, **{name: getattr(self, name).to(device) for name in names})


def collate(examples: Examples, chosen: Sequence[int], pad: int) -> Batch:
    """The chosen examples on the CPU, padded on the right."""
    pairs = [examples.example(index) for index in chosen]
    shape = (len(pairs), max(len(ids) for ids, _ in pairs))
    ids, mask = np.full(shape, pad, np.int64), np.zeros(shape, np.int64)
    learnt = np.zeros(shape, np.bool_)
    for row, (tokens, marks) in enumerate(pairs):
        ids[row, : len(tokens)], learnt[row, : len(tokens)] = tokens, marks
        mask[row, : len(tokens)] = 1
    return _batch(ids, mask, learnt)


def collate_packed(examples: Examples, chosen: Sequence[int]) -> Batch:
    """The chosen examples on the CPU, end to end in one row, in the order given."""
    pairs = [examples.example(index) for index in chosen]
    ids = np.concatenate([tokens for tokens, _ in pairs])[None]
    # A first token is predicted by nothing: least of all by the example before.
    marks = [np.concatenate(([False], learnt[1:])) for _, learnt in pairs]
    learnt = np.concatenate(marks)[None]
    return _batch(ids, np.ones_like(ids), learnt, tuple(len(tokens) for tokens, _ in pairs))


def _batch(
    ids: NDArray[np.int64],
    mask: NDArray[np.int64],
    learnt: NDArray[np.bool_],
    segments: tuple[int, ...] = (),
) -> Batch:
    rows, columns = np.nonzero(learnt[:, 1:])
    return Batch(
        torch.from_numpy(ids),
        torch.from_numpy(mask),
        torch.from_numpy(rows),
        torch.from_numpy(columns),
        torch.from_numpy(ids[rows, columns + 1]),
        segments,
    )


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
