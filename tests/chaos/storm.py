"""The schedule: which fault comes when. The seed gives the order, the targets and the pauses."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.chaos.faults import AIMS, Target
from tests.chaos.specs import Size
from tests.chaos.world import World


@dataclass(frozen=True)
class Plan:
    """How much of everything. `pauses` are the shortest and longest between two faults, `kinds`
    those of the faults."""

    seed: int
    faults: int
    size: Size = field(default_factory=Size)
    pauses: tuple[float, float] = (0.5, 5.0)
    kinds: tuple[str, ...] = tuple(AIMS)


class Storm:
    """Strikes until all faults of a plan have hit, each kind as often as every other."""

    def __init__(self, world: World, plan: Plan, say: Callable[[str], None]) -> None:
        self._world, self._plan, self._say = world, plan, say
        self._draw = random.Random(plan.seed)
        self._bag: list[str] = []
        self.hits: Counter[str] = Counter()

    @property
    def enough(self) -> bool:
        """Whether all wanted faults have hit."""
        return self.hits.total() >= self._plan.faults

    def blow(self, over: Callable[[], bool], watch: Callable[[], None]) -> None:
        """Strike until enough have hit or it is `over`; `watch` is called before each fault."""
        while not self.enough and not over():
            self._idle(self._draw.uniform(*self._plan.pauses))
            watch()
            self._strike(over)

    def _strike(self, over: Callable[[], bool]) -> None:
        kind, target = self._aim()
        while target is None:
            if over():
                return
            self._idle(0.2)
            kind, target = self._aim()
        proof = target.strike()
        if not proof:
            self._say(f"not counted: {target.name} was not hit")
            return
        self._bag.remove(kind)
        self.hits[kind] += 1
        self._say(f"fault {self.hits.total()} {kind}: {target.name}; used: {target.use}; {proof}")

    def _aim(self) -> tuple[str, Target | None]:
        """The first kind of the bag whose target is in use now, and that target."""
        if not self._bag:
            self._bag = list(self._plan.kinds)
            self._draw.shuffle(self._bag)
        for kind in self._bag:
            target = AIMS[kind](self._world, self._draw)
            if target is not None:
                return kind, target
        return "", None

    def _idle(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._world.tend()
            time.sleep(0.05)
