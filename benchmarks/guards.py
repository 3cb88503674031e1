"""How many good runs do the guards kill? Every recorded run is judged by the guards alone.

    python -m benchmarks.guards FOLDER...

Each FOLDER is one of recorded curves, or holds such folders. A group's top quarter are its best
quarter by the recorded finals (rounded up, ties taken in); the target is to kill none of it.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.output import RESULTS, Row, table, write
from sweeps.lifecycle import TrialState
from sweeps.simulator.folders import read_groups
from sweeps.simulator.recorded import Group, Run, key_of
from sweeps.simulator.simulate import simulate
from sweeps.simulator.tables import FINALS
from sweeps.trial import Verdict

POINTS = 20


@dataclass
class Count:
    """The runs of one data set. `reasons` counts kills by guard; `named` are those at the top."""

    groups: int = 0
    top: int = 0
    top_killed: int = 0
    rest: int = 0
    rest_killed: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    named: list[str] = field(default_factory=list)


def top_quarter(group: Group) -> list[Run]:
    """The best quarter of a group, rounded up; runs that tie with its last one belong to it. A run
    without a finite final is in no top quarter."""
    ranked = [run for run in group.ranked() if run.final is not None and math.isfinite(run.final)]
    if not ranked:
        return []
    quarter = min(len(ranked), math.ceil(len(group.runs) / 4))
    edge = ranked[quarter - 1].final
    return [run for place, run in enumerate(ranked) if place < quarter or run.final == edge]


def kills(group: Group, points: int = POINTS) -> dict[tuple[str, int | None], Verdict]:
    """The verdict on each run of the group that the guards stopped, by configuration and seed."""
    story = simulate(group.spec(points, pruning={"type": "never"}), group).story
    return {
        key_of(record.trial.params): record.verdicts[max(record.verdicts)]
        for record in story.trials.values()
        if record.state == TrialState.STOPPED
    }


def count(groups: Iterable[Group]) -> Count:
    """Over all groups of a data set."""
    found = Count()
    for group in groups:
        killed, top = kills(group), {run.key for run in top_quarter(group)}
        lost = top & set(killed)
        found.groups += 1
        found.top += len(top)
        found.rest += len(group.runs) - len(top)
        found.top_killed += len(lost)
        found.rest_killed += len(killed) - len(lost)
        found.reasons.update(verdict.reason for verdict in killed.values())
        found.named += [
            f"{group.name} {key[0]}: {killed[key].message}" for key in sorted(lost, key=str)
        ]
    return found


def rows_of(case: str, found: Count) -> list[Row]:
    """The figures of one data set: counts without a spread. `n` is how many could be killed."""
    return [
        Row(figure, "sweepctl", case, killed, killed, killed, n, "runs")
        for figure, killed, n in (
            ("top_quarter_killed", found.top_killed, found.top),
            ("rest_killed", found.rest_killed, found.rest),
        )
    ]


def folders(paths: Iterable[Path]) -> list[Path]:
    """Those of `paths` that hold recorded curves, or the folders in them that do."""
    found: list[Path] = []
    for path in paths:
        if (path / FINALS).is_file():
            found.append(path)
        elif path.is_dir():
            found += sorted(inner for inner in path.iterdir() if (inner / FINALS).is_file())
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 1 when a run of a top quarter was killed. 0 without data, and says so."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args(arguments)
    found = {folder.name: count(read_groups(folder)) for folder in folders(given.folders)}
    if not found:
        where = ", ".join(str(path) for path in given.folders)
        print(f"SKIPPED: no recorded curves in {where}. Name a folder of them.", file=sys.stderr)
        return 0
    lines = [
        (
            name,
            one.groups,
            f"{one.top_killed} of {one.top}",
            f"{one.rest_killed} of {one.rest}",
            ", ".join(f"{reason} {n}" for reason, n in sorted(one.reasons.items())) or "-",
        )
        for name, one in found.items()
    ]
    head = ("data set", "groups", "top quarter killed", "rest killed", "by guard")
    print(table(head, lines))
    for name, one in found.items():
        print(*(f"{name}: {line}" for line in one.named), sep="\n", end="\n" if one.named else "")
    command = f"python -m benchmarks.guards {' '.join(str(path) for path in given.folders)}"
    rows = [row for name, one in found.items() for row in rows_of(name, one)]
    print(f"written: {write('guards', command, rows, given.results)}", file=sys.stderr)
    return int(any(one.top_killed for one in found.values()))


if __name__ == "__main__":
    sys.exit(main())
