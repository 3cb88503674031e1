"""Ray's and Optuna's pruners over recorded groups, in the orders and slots of the backtest."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

from benchmarks.pruners.clock import Scheduler, play, tracks
from benchmarks.pruners.optuna_side import OPTUNA, OptunaSide
from benchmarks.pruners.ray_side import RAY, RaySide
from sweeps.backtest.engine import Settings, orders
from sweeps.backtest.scoring import Outcome, Ruler, Spent
from sweeps.simulator.recorded import Group, key_of

# Left out unless asked for: it takes longer than all others together, and is made for many
# evaluations of one configuration rather than for learning curves.
SLOW = ("optuna Wilcoxon",)
# A scheduler for one sweep, from: goal of the metric, decision points, trials, a name of its own.
Make = Callable[[str, int, int, str], Scheduler]


def schedulers(slow: bool = True) -> dict[str, tuple[str, Make]]:
    """Library and scheduler by name; with those of SLOW or without."""
    found: dict[str, tuple[str, Make]] = {}
    for name in RAY:
        found[name] = ("ray_tune", partial(_ray, name))
    for name in OPTUNA:
        found[name] = ("optuna", partial(_optuna, name))
    return {name: one for name, one in found.items() if slow or name not in SLOW}


def outcomes(
    groups: Sequence[Group], settings: Settings, names: Sequence[str]
) -> dict[str, list[Outcome]]:
    """The outcomes of each of these schedulers, group by group and order by order."""
    found: dict[str, list[Outcome]] = {name: [] for name in names}
    for some in _each(groups, partial(of_group, settings, names), settings.jobs):
        for name, one in some.items():
            found[name] += one
    return found


def of_group(settings: Settings, names: Sequence[str], group: Group) -> dict[str, list[Outcome]]:
    """All of them over one group."""
    spec = group.spec(settings.points)
    goal, known = spec.spec.metric.goal, schedulers()
    runs = dict(zip([run.key for run in group.runs], tracks(group, spec), strict=True))
    ruler = Ruler.of(group, settings.tolerance)
    found: dict[str, list[Outcome]] = {name: [] for name in names}
    for order, rows in enumerate(orders(group, settings)):
        keys = [key_of(row) for row in rows]
        whole = ruler.full.seconds(rows, settings.slots)
        for name in names:
            make = known[name][1]
            scheduler = make(goal, settings.points, len(keys), f"{group.name}/{order}")
            played = play([runs[key] for key in keys], scheduler, settings.slots)
            kept = [keys[trial] for trial in played.finished]
            spent = Spent(sum(played.samples), 0, played.seconds)
            found[name].append(ruler.score(kept, spent, order, whole))
    return found


def _ray(name: str, goal: str, points: int, trials: int, sweep: str) -> Scheduler:
    return RaySide(RAY[name], goal, points, trials)


def _optuna(name: str, goal: str, points: int, trials: int, sweep: str) -> Scheduler:
    return OptunaSide(OPTUNA[name](points), goal, trials, sweep)


def _each(
    groups: Sequence[Group], work: Callable[[Group], dict[str, list[Outcome]]], jobs: int
) -> Iterator[dict[str, list[Outcome]]]:
    if jobs <= 1 or len(groups) < 2:
        yield from map(work, groups)
        return
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        yield from pool.map(work, groups)
