"""How a global batch is cut into micro-batches, for one device or for several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workers.recipes.parts.batches import by_length
from workers.recipes.parts.packing import pack


@dataclass(frozen=True)
class Limit:
    """The most that goes through the model at once: `samples` examples in padded rows, or, packed,
    as many tokens as that many of the longest example have (`longest` tokens)."""

    samples: int
    longest: int
    packed: bool

    @property
    def tokens(self) -> int:
        """Of a micro-batch, padding included, at most."""
        return self.samples * self.longest

    def halved(self) -> Limit:
        """For half the memory. Raises ValueError when there is nothing left to halve."""
        if self.samples == 1:
            raise ValueError("a single example cannot be halved")
        return Limit(self.samples // 2, self.longest, self.packed)


@dataclass(frozen=True)
class Cut:
    """`parts[rank]` are the micro-batches of a rank, each a list of places in the global batch;
    together they hold every place once. `drawn` are the places of all first micro-batches when
    these are a random part of the batch, and empty when the first ones are everything.

    Ranks may have unequal parts: with collectives in the model each must still make `passes`.
    """

    parts: tuple[tuple[list[int], ...], ...]
    drawn: tuple[int, ...]

    @property
    def passes(self) -> int:
        """The most micro-batches that a rank has."""
        return max(map(len, self.parts))


def cut_batch(lengths: Sequence[int], limit: Limit, ranks: int, random: np.random.Generator) -> Cut:
    """Cut a batch of examples of these lengths.

    Without packing a rank's micro-batches have the sizes of `sweeps.planning.micro_batch`. The
    first ones are drawn at random, so that the noise of the gradient can be measured by them: cut
    by length alone they would hold the longest examples. The others hold equal lengths where they
    can, the longest first: less padding, and what does not fit fails early.
    """
    count, first = len(lengths), limit.samples * ranks
    places = np.arange(count)
    drawn = random.choice(count, first, replace=False) if count > first else places[:0]
    rest = np.setdiff1d(places, drawn)
    rest = rest[np.argsort(-np.asarray(lengths)[rest], kind="stable")]
    parts = []
    for rank in range(ranks):
        # Dealt one by one by length, so that ranks have equal counts and nearly equal tokens.
        mine = rest[rank::ranks].tolist()
        rows = _rows([lengths[place] for place in mine], limit)
        opening = [drawn[rank::ranks].tolist()] if len(drawn) else []
        parts.append((*opening, *([mine[i] for i in row] for row in rows)))
    return Cut(tuple(parts), tuple(drawn.tolist()))


def _rows(lengths: Sequence[int], limit: Limit) -> list[list[int]]:
    if limit.packed:
        return pack(lengths, limit.tokens)
    return list(by_length(lengths, limit.samples))
