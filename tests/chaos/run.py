"""A chaos run: a quiet sweep first, then the same one and another in a storm."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from service.errors import ServiceError
from sweeps.journal import Entry
from sweeps.lifecycle import SWEEP_ENDS
from sweeps.spec import SweepSpec
from tests.chaos.outcome import Outcome, gather
from tests.chaos.specs import Size, grid, learned
from tests.chaos.storm import Plan, Storm
from tests.chaos.tally import Tally, audit, compare, promised
from tests.chaos.world import World, world

ENDED_SECONDS = 600.0


@dataclass(frozen=True)
class Verdict:
    """What came out. `line` is the one to print."""

    hits: Counter[str]
    tally: Tally
    outcomes: list[Outcome]

    @property
    def line(self) -> str:
        """faults=N lost=0 duplicated=0 differing=0, when all is well."""
        return f"faults={self.hits.total()} {self.tally}"


class Watch:
    """Follows one sweep through the storm, and remembers what the service acknowledged."""

    def __init__(self, world: World, spec: SweepSpec) -> None:
        self._world = world
        self.id = world.client.create_sweep(spec).id
        self.seen: list[Entry] = []
        # Priorities that were asked for; those up to `acknowledged` may not be lost.
        self.asked, self.acknowledged = [0], 0

    def over(self) -> bool:
        """Whether the sweep has ended, by the service's word."""
        try:
            return self._world.client.get_sweep(self.id).state in SWEEP_ENDS
        except ServiceError:
            return False

    def look(self) -> None:
        """Read what the journal has, and have a setting changed, if the service answers."""
        client = self._world.client
        try:
            self.seen = list(client.entries(self.id))
            sweep = client.get_sweep(self.id)
            self.asked.append(self.asked[-1] % 100 + 1)
            client.patch_sweep(self.id, sweep.revision, priority=self.asked[-1])
            self.acknowledged = len(self.asked) - 1
        except ServiceError:
            return

    def check(self, found: Outcome, tally: Tally) -> None:
        """Whether all that was acknowledged is still there."""
        promised(self.seen, found, tally)
        # A change whose answer got lost may have been made, or not.
        if found.detail.priority not in self.asked[self.acknowledged :]:
            tally.lost.append(f"priority {self.asked[self.acknowledged]} of {self.id[:8]}")


def chaos(plan: Plan, folder: Path, say: Callable[[str], None]) -> Verdict:
    """Run it all under `folder`. Raises AssertionError when something does not come back."""
    with world(folder) as there:
        verdict = storm(there, plan, say)
    return verdict


def storm(there: World, plan: Plan, say: Callable[[str], None]) -> Verdict:
    """A quiet sweep, then as many rounds as it takes until all faults have hit."""
    began = time.monotonic()

    def tell(line: str) -> None:
        say(f"[{time.monotonic() - began:6.1f}] {line}")

    tally = Tally()
    quiet = _quiet(there, plan.size)
    audit(quiet, tally)
    tell(f"the quiet sweep is over: {len(quiet.trials)} trials, {len(quiet.points)} points")
    wind = Storm(there, plan, tell)
    outcomes = [quiet]
    for turn in itertools.count():
        if wind.enough:
            break
        sweeps = [Watch(there, grid(plan.size)), Watch(there, learned(plan.size, turn))]
        outcomes += _round(there, sweeps, wind, quiet, tally)
        tell(f"both sweeps are over: faults={wind.hits.total()} {tally}")
    for line in tally.lines():
        tell(line)
    return Verdict(wind.hits, tally, outcomes)


def _quiet(there: World, size: Size) -> Outcome:
    """The grid with nothing happening to it. How long a step takes is in no number."""
    sweep = Watch(there, grid(replace(size, step_seconds=0.0, parallel=2)))
    there.wait(sweep.over, ENDED_SECONDS, "the quiet sweep did not end")
    return gather(there, sweep.id)


def _round(
    there: World, sweeps: list[Watch], wind: Storm, quiet: Outcome, tally: Tally
) -> Iterator[Outcome]:
    """Both sweeps at once, in the storm. The first is the one that was quiet before."""

    def over() -> bool:
        return all(sweep.over() for sweep in sweeps)

    def look() -> None:
        for sweep in sweeps:
            sweep.look()

    wind.blow(over, look)
    there.calm()
    there.wait(over, ENDED_SECONDS, "the sweeps did not end")
    for sweep in sweeps:
        found = gather(there, sweep.id)
        audit(found, tally)
        sweep.check(found, tally)
        if sweep is sweeps[0]:
            compare(quiet, found, tally)
        yield found
