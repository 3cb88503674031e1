"""The schedule: which fault comes when. The seed gives the order, the targets and the pauses."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence

from tests.chaos.faults import AIMS, Target
from tests.chaos.world import World

Pauses = tuple[float, float]


class Storm:
    """Strikes with faults of all kinds in turn. `pauses` are the shortest and the longest between
    two of them."""

    def __init__(self, world: World, seed: int, pauses: Pauses, say: Callable[[str], None]) -> None:
        self._world, self._pauses, self._say = world, pauses, say
        self._draw = random.Random(seed)
        # Of the first bag each fault has to hit in the middle of a shared first phase.
        self._sharing: list[str] = []
        self._bags: list[list[str]] = []
        self.hits: Counter[str] = Counter()
        self.hits_sharing: Counter[str] = Counter()

    def brew(self, kinds: Sequence[str], each: int, sharing: Sequence[str] = ()) -> None:
        """Take up faults of `kinds`, `each` times all of them; beside these each of `sharing` once
        while a trial is in the middle of a first phase that others wait for."""
        self._sharing = self._shuffled(sharing)
        self._bags = [self._shuffled(kinds) for _ in range(each)]

    @property
    def spent(self) -> bool:
        """Whether all that was taken up has hit."""
        return not self._sharing and not any(self._bags)

    def blow(self, over: Callable[[], bool], watch: Callable[[], None]) -> None:
        """Strike until all is `spent` or it is `over`; `watch` is called before each fault."""
        while not self.spent and not over():
            self._idle(self._draw.uniform(*self._pauses))
            watch()
            self._strike(over)

    def _strike(self, over: Callable[[], bool]) -> None:
        kind, target, bag = self._aim()
        while target is None:
            if over():
                return
            self._idle(0.2)
            kind, target, bag = self._aim()
        proof = target.strike()
        if not proof:
            self._say(f"not counted: {target.name} was not hit")
            return
        bag.remove(kind)
        self.hits[kind] += 1
        self.hits_sharing[kind] += bag is self._sharing
        where = " in a shared phase" if bag is self._sharing else ""
        count = self.hits.total()
        self._say(f"fault {count} {kind}{where}: {target.name}; used: {target.use}; {proof}")

    def _aim(self) -> tuple[str, Target | None, list[str]]:
        """The first kind whose target is in use now, that target, and the bag it is from. No bag
        is begun before the one in front of it is empty, but the one of shared phases goes beside
        the others."""
        busy = self._world.training()
        sharing = [one for one in busy if self._world.sharing(one)]
        current = next((bag for bag in self._bags if bag), [])
        for bag, among in ((self._sharing, sharing), (current, busy)):
            for kind in bag:
                target = AIMS[kind](self._world, self._draw, among)
                if target is not None:
                    return kind, target, bag
        return "", None, []

    def _shuffled(self, kinds: Sequence[str]) -> list[str]:
        return self._draw.sample(list(kinds), len(kinds))

    def _idle(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._world.tend()
            time.sleep(0.05)
