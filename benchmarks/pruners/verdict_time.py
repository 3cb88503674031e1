"""What a verdict of a pruner costs in a sweep of many trials, in milliseconds of processor time:
on a machine that does other work too, wall time would tell of that work.

    python -m benchmarks.pruners.verdict_time [--trials 100 1000] [--whole]
"""

from __future__ import annotations

import argparse
import contextlib
import math
import statistics
import sys
import time
from collections.abc import Sequence
from typing import Any

from sweeps.journal import Story
from sweeps.pruners import make_pruner
from sweeps.pruners.base import Pruner
from sweeps.simulator.simulate import simulate
from sweeps.simulator.synthetic import Synthetic
from sweeps.spec import SweepSpec, parse
from sweeps.trial import Report, Verdict

BATCH, STEPS = 128, 60
PRUNING = {"type": "early_dynamics", "audit": 0.05}


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what verdicts take at each number of trials; with --whole, also what a whole sweep
    takes (searcher, pruner, conductor, journal) and how long its journal is."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pruners.verdict_time")
    parser.add_argument("--trials", type=int, nargs="+", default=[100, 1000])
    parser.add_argument("--whole", action="store_true")
    given = parser.parse_args(arguments)
    for trials in given.trials:
        print(f"{trials:,} trials: {told(verdict_times(PRUNING, trials))}")
        if given.whole:
            entries, seconds, size = whole(PRUNING, trials)
            each = 1000 * seconds / entries
            print(f"  the whole sweep: {entries:,} entries, {each:.1f} ms each, {size:,} bytes")
    return 0


def told(taken: Sequence[float]) -> str:
    """Median, 95 % quantile, most and number, in words."""
    ordered = sorted(taken)
    high = ordered[math.ceil(0.95 * len(ordered)) - 1]
    return (
        f"median {statistics.median(ordered):.1f} ms, 95 % within {high:.1f} ms, "
        f"most {ordered[-1]:.1f} ms, of {len(ordered)}"
    )


def whole(pruning: dict[str, Any], trials: int) -> tuple[int, float, int]:
    """Of a synthetic sweep to its end: entries of its journal, seconds of processor time, and the
    bytes of the journal as JSON."""
    spec = _spec(pruning, trials)
    began = time.process_time()
    driven = simulate(spec, Synthetic(spec.spec.metric, records=2), slots=8)
    seconds = time.process_time() - began
    return len(driven.entries), seconds, sum(len(e.model_dump_json()) for e in driven.entries)


class _Over(Exception):  # noqa: N818 - it ends a measurement, nothing is wrong
    """Enough was measured."""


def verdict_times(pruning: dict[str, Any], trials: int = 1000, count: int = 300) -> list[float]:
    """Milliseconds of up to `count` verdicts in a synthetic sweep of `trials` trials of one cohort,
    from the last tenth of them on. Answers that say nothing (go on, nobody comes back) are cheap
    and do not count."""
    timed = _Timed(make_pruner, trials - trials // 10, count)
    spec = _spec(pruning, trials)
    with contextlib.suppress(_Over):
        simulate(spec, Synthetic(spec.spec.metric, records=2), slots=8, make=timed.of)
    return timed.found


class _Timed:
    """A pruner with a stopwatch."""

    def __init__(self, make: Any, trials: int, count: int) -> None:
        self._make, self._trials, self._count = make, trials, count
        self._pruner: Pruner
        self.found: list[float] = []

    def of(self, spec: SweepSpec) -> _Timed:
        """Make: of the pruner of this spec."""
        self._pruner = self._make(spec)
        return self

    def judge(self, story: Story, number: int, report: Report) -> Verdict:
        """Pruner: the verdict, timed."""
        began = time.process_time()
        said = self._pruner.judge(story, number, report)
        self._keep(story, began, said)
        return said

    def revive(self, story: Story, last: bool, more: bool) -> tuple[int, Verdict] | None:
        """Pruner: the answer, timed."""
        began = time.process_time()
        said = self._pruner.revive(story, last, more)
        self._keep(story, began, said[1] if said else None)
        return said

    def _keep(self, story: Story, began: float, said: Verdict | None) -> None:
        spent = 1000 * (time.process_time() - began)
        if len(story.trials) < self._trials or said is None or not said.evidence.details:
            return
        self.found.append(spent)
        if len(self.found) >= self._count:
            raise _Over


def _spec(pruning: dict[str, Any], trials: int) -> SweepSpec:
    body = {
        "workload": {"recipe": "replay"},
        "parameters": {
            "global_batch_size": {"values": [BATCH]},
            "learning_rate": {"distribution": "log_uniform_values", "min": 1e-6, "max": 1e-3},
        },
        "method": {"type": "random"},
        "budget": {"trials": trials},
        "metric": {"name": "eval_loss", "goal": "minimize"},
        "horizon": {"samples": BATCH * STEPS},
        "pruning": pruning,
    }
    return parse(
        {"apiVersion": "sweeps/v1", "kind": "Sweep", "metadata": {"name": "many"}, "spec": body}
    )


if __name__ == "__main__":
    sys.exit(main())
