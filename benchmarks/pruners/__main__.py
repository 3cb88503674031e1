"""Pruners on recorded curves: compute against regret, for ours, Ray's and Optuna's.

    python -m benchmarks.pruners FOLDER... [--orders 5] [--jobs 1] [--docs docs]

Each FOLDER is one of recorded curves, or holds such folders. Prints a table for each, and whether
what is asked of early_dynamics was met; writes results/pruners.json. `--docs` writes the page and
its picture too. Without data it says SKIPPED and ends with 0.
"""

from __future__ import annotations

import argparse
import itertools
import math
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.guards import folders
from benchmarks.output import RESULTS, Row, write
from benchmarks.pruners import report, robust, targets
from benchmarks.pruners.measure import DEFAULT_RISK, left_out, measure, robustness
from benchmarks.pruners.picture import draw
from benchmarks.pruners.targets import Line, Point
from benchmarks.pruners.verdict_time import told, verdict_times
from sweeps.backtest.engine import Settings
from sweeps.pruners import PRUNERS
from sweeps.simulator.folders import read_groups
from sweeps.simulator.recorded import Group

TARGETS = ("skill", "retention")
PICTURE = "images/pruning-benchmark.png"


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0, also when a demand is not met: the table says so."""
    given = _parser().parse_args(arguments)
    began = time.perf_counter()
    sets = _read(given.folders, given.min_trials)
    if not sets:
        return 0
    settings = Settings(
        slots=given.slots, orders=given.orders, points=given.points, jobs=given.jobs
    )
    past = [group for folder in folders(given.learn) for group in read_groups(folder)]
    points, lines = _measured(sets, past, settings, given.slow)
    timed = _timed(lines) if given.verdicts else []
    body, asked = report.tables(points, _sizes(sets)), report.demands(lines)
    print(asked, body, sep="\n\n")
    command = _command(given)
    rows = report.rows(points, {name: _workloads(groups) for name, groups in sets.items()})
    written = [write("pruners", command, [*rows, *timed], given.results)]
    seconds = time.perf_counter() - began
    if given.docs:
        note = f"{given.slots} slots; orders of the trials: {given.orders}; left and down is better"
        written.append(draw(points, given.docs / PICTURE, note))
        page = given.docs / "pruning-benchmark.md"
        page.write_text(report.page(body, asked, command, seconds, PICTURE))
        written.append(page)
    print(f"{seconds:.0f} s; written: {', '.join(map(str, written))}", file=sys.stderr)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.pruners", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument(
        "--learn", type=Path, nargs="+", default=[], help="more folders that a prior may learn from"
    )
    parser.add_argument("--slots", type=int, default=4)
    parser.add_argument("--orders", type=int, default=5, help="random orders of each sweep")
    parser.add_argument("--points", type=int, default=20)
    parser.add_argument("--min-trials", type=int, default=6)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--slow", action="store_true", help="Optuna's WilcoxonPruner too")
    parser.add_argument("--no-verdicts", dest="verdicts", action="store_false")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--docs", type=Path, help="also write the page and the picture here")
    return parser


def _command(given: argparse.Namespace) -> str:
    """What was run, by the last two names of each folder; options that change figures are named."""
    curves = [Path(*folder.parts[-2:]).as_posix() for folder in given.folders]
    plain = _parser().parse_args(curves)
    options = [
        f"--{name.replace('_', '-')} {getattr(given, name)}"
        for name in ("slots", "orders", "points", "min_trials")
        if getattr(given, name) != getattr(plain, name)
    ]
    flags = ["--slow"] if given.slow else []
    learn = [Path(*folder.parts[-2:]).as_posix() for folder in given.learn]
    flags += ["--learn", *learn] if learn else []
    return " ".join(["python -m benchmarks.pruners", *curves, *options, *flags])


def _read(paths: Sequence[Path], min_trials: int) -> dict[str, list[Group]]:
    """The data sets that are there; says aloud which are not."""
    sets: dict[str, list[Group]] = {}
    for path in paths:
        found = folders([path])
        if not found:
            print(f"SKIPPED: no recorded curves in {path}. Name a folder of them.", file=sys.stderr)
        for folder in found:
            sets |= _by_target(folder.name, read_groups(folder, min_trials))
    for name in [name for name, groups in sets.items() if not groups]:
        print(f"SKIPPED: no group of {min_trials} trials in {name}.", file=sys.stderr)
        del sets[name]
    return sets


def _by_target(name: str, groups: list[Group]) -> dict[str, list[Group]]:
    """A data set by its name; our own curves as one for each target, which have demands apart."""
    found: dict[str, list[Group]] = {}
    for group in groups:
        target = group.workload.rpartition("/")[2]
        found.setdefault(f"{name}/{target}" if target in TARGETS else name, []).append(group)
    return found or {name: []}


def _measured(
    sets: dict[str, list[Group]], past: list[Group], settings: Settings, slow: bool
) -> tuple[dict[str, list[Point]], list[Line]]:
    make = left_out([*itertools.chain(*sets.values())], past, settings.points)
    points: dict[str, list[Point]] = {}
    chance: dict[tuple[str, str, float], tuple[float, float, float]] = {}
    for name, groups in sets.items():
        began = time.perf_counter()
        points[name] = measure(groups, settings, make, slow=slow)
        found = robustness(groups, settings, make, (DEFAULT_RISK,))
        chance |= {(name, variant, risk): figures for (variant, risk), figures in found.items()}
        print(f"{name}: {time.perf_counter() - began:.0f} s", file=sys.stderr)
    bounds = [
        Line("an oracle runs the best trial alone", name, None, f"compute {robust.oracle(g):.3f}")
        for name, g in sets.items()
    ]
    rung = "an oracle, once all came to the first rung, finishes the best trial alone"
    bounds += [
        Line(rung, name, None, f"compute {robust.rung_oracle(g, settings.points):.3f}")
        for name, g in sets.items()
    ]
    lines = [
        *targets.survival(points),
        *targets.domination(points),
        *targets.share(points),
        *robust.lines(chance),
        *targets.promise(points),
        *bounds,
    ]
    return points, lines


def _timed(lines: list[Line]) -> list[Row]:
    """What verdicts cost, as rows, and as a line added to `lines`."""
    if targets.POLICY not in PRUNERS:
        return []
    taken = sorted(verdict_times({"type": targets.POLICY, "audit": 0.0}))
    if not taken:
        return []
    middle, most, n = statistics.median(taken), taken[-1], len(taken)
    high = taken[math.ceil(0.95 * n) - 1]
    demand = f"95 % of verdicts take < {targets.VERDICT_MS:g} ms with 1,000 trials"
    lines.append(Line(demand, "synthetic", high < targets.VERDICT_MS, told(taken)))
    row = Row("verdict", "sweepctl", "1,000 trials", middle, taken[0], most, n, "ms")
    return [row]


def _workloads(groups: Sequence[Group]) -> int:
    return len({group.workload for group in groups})


def _sizes(sets: dict[str, list[Group]]) -> dict[str, str]:
    return {
        name: f"{len(groups)} sweeps of {_workloads(groups)} workloads, "
        f"{sum(len(group.runs) for group in groups)} trials."
        for name, groups in sets.items()
    }


if __name__ == "__main__":
    sys.exit(main())
