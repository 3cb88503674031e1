"""A chaos run: sweeps in quiet first, then the same ones and others in storms."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sweeps.spec import SweepSpec
from tests.chaos.faults import AIMS
from tests.chaos.outcome import Numbers, Outcome, gather, shown
from tests.chaos.specs import EARLY_DYNAMICS, HALVING, Size, grid, learned, phased, ranked
from tests.chaos.storm import Pauses, Storm
from tests.chaos.tally import Tally, audit, compare, paid_once
from tests.chaos.watch import Watch
from tests.chaos.world import World, world

ENDED_SECONDS = 600.0
# A scene whose sweeps are over too soon is played again, with new sweeps; not for ever.
TURNS = 5


@dataclass(frozen=True)
class Scene:
    """Sweeps that are in a storm together, and the kinds of its faults.

    What comes out of `compared` is the same in quiet to the last bit; of `others` it depends on
    who reported first. Each of `sharing` hits once more, in the middle of a first phase that trials
    of a compared sweep share.
    """

    compared: tuple[Callable[[Size, World], SweepSpec], ...]
    others: tuple[Callable[[Size], SweepSpec], ...] = ()
    kinds: tuple[str, ...] = tuple(kind for kind in AIMS if kind != "rank")
    sharing: tuple[str, ...] = ()


APART = Scene(
    compared=(lambda size, _: grid(size),),
    others=(lambda size: learned(size, HALVING), lambda size: learned(size, EARLY_DYNAMICS)),
)
TOGETHER = Scene(
    compared=(lambda size, there: phased(size, there.data), lambda size, _: ranked(size)),
    kinds=tuple(AIMS),
    sharing=APART.kinds,
)


@dataclass(frozen=True)
class Plan:
    """How much of everything: every fault of a scene hits `each` times. `pauses` are between two
    faults; `outage` is what the times are shortened by that parts stay away."""

    seed: int
    each: int
    size: Size = field(default_factory=Size)
    pauses: Pauses = (0.5, 5.0)
    outage: float = 1.0
    scenes: tuple[Scene, ...] = (APART, TOGETHER)


@dataclass(frozen=True)
class Verdict:
    """What came out: how often each kind of fault hit, and how often in the middle of a shared
    first phase; what was found; the sweeps. `line` is the one to print."""

    hits: Counter[str]
    hits_sharing: Counter[str]
    tally: Tally
    outcomes: list[Outcome]

    @property
    def line(self) -> str:
        """faults=N lost=0 duplicated=0 differing=0, when all is well."""
        return f"faults={self.hits.total()} {self.tally}"


def chaos(plan: Plan, folder: Path, say: Callable[[str], None]) -> Verdict:
    """Run it all under `folder`. Raises AssertionError when something does not come back."""
    began = time.monotonic()

    def tell(line: str) -> None:
        say(f"[{time.monotonic() - began:6.1f}] {line}")

    with world(folder) as there:
        tell("all parts are up")
        tally = Tally()
        quiet = list(undisturbed(there, plan, tally))
        points = ", ".join(str(len(one.points)) for one in quiet)
        tell(f"the quiet sweeps are over: {points} points; {tally}")
        return storm(there, plan, quiet, tally, tell)


def undisturbed(there: World, plan: Plan, tally: Tally) -> Iterator[Numbers]:
    """What the compared sweeps of all scenes measure, all at once, when nothing happens to them."""
    makers = [make for scene in plan.scenes for make in scene.compared]
    sweeps = [Watch(there, make(plan.size.quiet, there)) for make in makers]
    _await(there, sweeps)
    for sweep in sweeps:
        yield _found(there, sweep, tally).numbers


def storm(
    there: World, plan: Plan, quiet: Sequence[Numbers], tally: Tally, tell: Callable[[str], None]
) -> Verdict:
    """Scene after scene in a storm; `quiet` has the numbers of the compared sweeps of all."""
    there.outage = plan.outage
    wind, outcomes, still = Storm(there, plan.seed, plan.pauses, tell), list[Outcome](), list(quiet)
    for scene in plan.scenes:
        same = [still.pop(0) for _ in scene.compared]
        wind.brew(scene.kinds, plan.each, scene.sharing)
        for _ in range(TURNS):
            sweeps = _sweeps(there, scene, plan.size)
            outcomes += _round(there, sweeps, wind, same, tally)
            tell(f"the sweeps are over: faults={wind.hits.total()} {tally}")
            if wind.spent:
                break
        assert wind.spent, f"not all faults hit within {TURNS} rounds"
    for line in tally.lines():
        tell(line)
    return Verdict(wind.hits, wind.hits_sharing, tally, outcomes)


def _sweeps(there: World, scene: Scene, size: Size) -> list[Watch]:
    compared = [make(size, there) for make in scene.compared]
    others = [make(size) for make in scene.others]
    return [Watch(there, spec) for spec in [*compared, *others]]


def _round(
    there: World, sweeps: Sequence[Watch], wind: Storm, quiet: Sequence[Numbers], tally: Tally
) -> Iterator[Outcome]:
    """All sweeps of a scene at once, in the storm; the first of them are those in `quiet`."""

    def look() -> None:
        for sweep in sweeps:
            sweep.look()

    wind.blow(lambda: _over(sweeps), look)
    there.calm()
    _await(there, sweeps)
    for place, sweep in enumerate(sweeps):
        found = _found(there, sweep, tally)
        sweep.check(found, tally)
        if place < len(quiet):
            compare(quiet[place], found.numbers, tally)
        yield found


def _found(there: World, sweep: Watch, tally: Tally) -> Outcome:
    """What is left of a sweep that is over, looked through."""
    found = gather(there, sweep.id, sweep.shared.held)
    audit(found, tally)
    if sweep.id in there.shared:
        paid_once(found, tally)
    return found


def _await(there: World, sweeps: Sequence[Watch]) -> None:
    """Returns when all sweeps have ended, in MLflow too: to one that was away then, an agent brings
    the rest later."""
    there.wait(lambda: _over(sweeps), ENDED_SECONDS, "the sweeps did not end")
    there.wait(
        lambda: all(shown(there, sweep.id) for sweep in sweeps),
        ENDED_SECONDS,
        "MLflow did not get all",
    )


def _over(sweeps: Sequence[Watch]) -> bool:
    """Whether all have ended. Asked again and again: meanwhile what their trials share is seen."""
    for sweep in sweeps:
        sweep.shared.look()
    return all(sweep.over() for sweep in sweeps)
