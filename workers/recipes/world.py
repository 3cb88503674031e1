"""The processes that share one trial, and the few words they need to stay in step.

A recipe runs in each of them, on one device each. On one device the world is `World()`: it is
alone, asks nobody and costs nothing. `workers.recipes.group` has the one with others in it.
"""

from __future__ import annotations

from typing import TypeVar

Said = TypeVar("Said")


class World:
    """`rank` is 0 ... `size` - 1. Every call with others in it is one that all ranks must make, in
    the same order; it returns the same on all of them.

    Rank 0 alone speaks to the driver, logs, and writes what is not divided among the ranks.
    """

    rank = 0
    size = 1

    @property
    def first(self) -> bool:
        """True on rank 0."""
        return self.rank == 0

    def tell(self, said: Said) -> Said:
        """What rank 0 says; what the others pass is not looked at. Waits for rank 0 for ever."""
        return said

    def sum(self, *numbers: float) -> tuple[float, ...]:
        """Each number summed over the ranks, in float64: exact for counts."""
        return numbers

    def most(self, number: int) -> int:
        """The largest of the ranks' numbers."""
        return number

    def least(self, number: int) -> int:
        """The smallest of them."""
        return -self.most(-number)

    def wait(self) -> None:
        """Until every rank has come here."""


ALONE = World()
