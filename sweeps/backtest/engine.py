"""One policy over recorded groups: the conductor, pruner, guards and journal of a live sweep."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from typing import Any

from sweeps.backtest.scoring import Outcome, Ruler
from sweeps.pruners import make_pruner
from sweeps.seeds import generator
from sweeps.simulator.recorded import Group
from sweeps.simulator.simulate import Driven, Make, drive
from sweeps.simulator.told import Teller
from sweeps.spec import SweepSpec
from sweeps.trial import Params


@dataclass(frozen=True)
class Settings:
    """How a policy is tried: in `slots` slots, in `orders` random orders of each group's trials
    (drawn by `seed`), with `points` decision points. `jobs` processes share the groups."""

    slots: int = 4
    orders: int = 5
    points: int = 20
    tolerance: float = 0.02
    seed: int = 0
    jobs: int = 1


@dataclass(frozen=True)
class Policy:
    """A pruner and the sweep it is given.

    `make` builds it from the spec, `pruning` is the spec's block; early_dynamics is told to watch
    the metric along the way. `by_final`: the sweep's metric is the final one, which only the last
    report has; else it is the one along the way. `trials`: how many of a group's trials are asked
    at all, by their number.
    """

    make: Make = make_pruner
    pruning: Mapping[str, Any] = field(default_factory=lambda: {"type": "never"})
    by_final: bool = False
    trials: Callable[[int], int] | None = None

    def spec(self, group: Group, points: int, rows: Sequence[Params] | None = None) -> SweepSpec:
        """The spec of the sweep that the policy is given, its trials in the order of `rows`."""
        changes: dict[str, Any] = {"pruning": dict(self.pruning)}
        if self.pruning["type"] == "early_dynamics" and group.watch is not None:
            changes["pruning"]["watch"] = group.watch
        if self.trials is not None:
            changes["budget"] = {"trials": self.trials(len(group.runs))}
        return group.spec(points, rows=rows, by_final=self.by_final, **changes)


Named = Mapping[str, Policy]


def run(groups: Sequence[Group | Teller], policy: Policy, settings: Settings) -> list[Outcome]:
    """One outcome for each group and order, group by group.

    A Teller in place of a group keeps its reports from one call to the next (see `tellers`).
    """
    return run_all(groups, lambda group: {"": policy}, settings).get("", [])


def run_all(
    groups: Sequence[Group | Teller], policies: Callable[[Group], Named], settings: Settings
) -> dict[str, list[Outcome]]:
    """As `run`, for several policies by name; which ones, and with what prior, the group says."""
    found: dict[str, list[Outcome]] = {}
    for outcomes in _each(tellers(groups), partial(_of_group, policies, settings), settings.jobs):
        for name, some in outcomes.items():
            found.setdefault(name, []).extend(some)
    return found


def tellers(groups: Sequence[Group | Teller]) -> list[Teller]:
    """The groups, each with room for the reports of its runs."""
    return [one if isinstance(one, Teller) else Teller(one) for one in groups]


def orders(group: Group, settings: Settings) -> Iterator[list[Params]]:
    """The configurations of a group in each of the random orders."""
    for number in range(settings.orders):
        draw = generator(settings.seed, f"backtest/{group.name}", number)
        yield [group.runs[index].params for index in draw.permutation(len(group.runs))]


def sweep(
    teller: Teller, policy: Policy, settings: Settings, rows: Sequence[Params] | None = None
) -> Driven:
    """One sweep over a group with its trials in the order of `rows`."""
    spec = policy.spec(teller.group, settings.points, rows)
    return drive(spec, teller.way, slots=settings.slots, make=policy.make)


def _of_group(
    policies: Callable[[Group], Named], settings: Settings, teller: Teller
) -> dict[str, list[Outcome]]:
    """All policies over one group: its reports are made once."""
    group, named = teller.group, policies(teller.group)
    ruler = Ruler.of(group, settings.tolerance)
    found: dict[str, list[Outcome]] = {name: [] for name in named}
    for order, rows in enumerate(orders(group, settings)):
        seconds = ruler.full.seconds(rows, settings.slots)
        for name, policy in named.items():
            driven = sweep(teller, policy, settings, rows)
            found[name].append(ruler.measure(driven, order, seconds))
    return found


def _each(
    of: Sequence[Teller], work: Callable[[Teller], dict[str, list[Outcome]]], jobs: int
) -> Iterator[dict[str, list[Outcome]]]:
    """`work` for each group in turn, or in as many processes."""
    if jobs <= 1 or len(of) < 2:
        yield from map(work, of)
        return
    # A forked process has the groups already; only a number goes there.
    pool = ProcessPoolExecutor(jobs, get_context("fork"), _share, (of, work))
    with pool:
        yield from pool.map(_nth, range(len(of)))


_shared: tuple[Sequence[Teller], Callable[[Teller], dict[str, list[Outcome]]]]


def _share(of: Sequence[Teller], work: Callable[[Teller], dict[str, list[Outcome]]]) -> None:
    global _shared
    _shared = (of, work)


def _nth(number: int) -> dict[str, list[Outcome]]:
    of, work = _shared
    return work(of[number])
