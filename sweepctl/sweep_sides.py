"""Sweeps side by side: pure, from what the service said of each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from service.schemas import SweepDetail
from sweeps.metric import cost
from sweeps.ranking import Ranked
from sweeps.result import Result
from sweeps.spec import Metric
from sweeps.wire import Wire


class SweepSide(Wire):
    """One of the sweeps; `best` is the first of its ranking, None before a trial finished."""

    id: str
    name: str
    state: str
    metric: Metric
    trials: dict[str, int]
    best: Ranked | None
    no_best_because: str | None
    samples_run: int
    compute_saved: float | None


class Difference(Wire):
    """A field of the spec that is not the same in all; None where a sweep has no such field."""

    field: str
    values: list[Any]


class SweepComparison(Wire):
    """`verdict` is the sentence on the best trials, `differences` those of the specs."""

    sweeps: list[SweepSide]
    differences: list[Difference]
    verdict: str


def compare_sweeps(sweeps: Sequence[SweepDetail], results: Sequence[Result]) -> SweepComparison:
    """`results[i]` is the result of `sweeps[i]`."""
    sides = [
        SweepSide(
            id=sweep.id,
            name=sweep.name,
            state=sweep.state,
            metric=sweep.metric,
            trials={state: many for state, many in result.counts.items() if many},
            best=result.best,
            no_best_because=result.no_best_because,
            samples_run=result.samples_run,
            compute_saved=result.compute_saved,
        )
        for sweep, result in zip(sweeps, results, strict=True)
    ]
    specs = [_flat(sweep.spec["spec"]) for sweep in sweeps]
    return SweepComparison(sweeps=sides, differences=_differences(specs), verdict=_verdict(sides))


def _differences(specs: Sequence[dict[str, Any]]) -> list[Difference]:
    names = list(dict.fromkeys(name for spec in specs for name in spec))
    rows = [Difference(field=name, values=[spec.get(name) for spec in specs]) for name in names]
    return [row for row in rows if any(value != row.values[0] for value in row.values)]


def _flat(block: dict[str, Any], before: str = "") -> dict[str, Any]:
    """Dotted paths of all that is no mapping; a list stays whole."""
    found: dict[str, Any] = {}
    for name, value in block.items():
        if isinstance(value, dict) and value:
            found |= _flat(value, f"{before}{name}.")
        elif value is not None:
            found[before + name] = value
    return found


def _verdict(sides: Sequence[SweepSide]) -> str:
    """Which best trial is better, in the ranking's own terms: within one standard error of the
    better one, two cannot be told apart."""
    if len({(side.metric.name, side.metric.goal) for side in sides}) > 1:
        return "The sweeps have different metrics; their best trials cannot be compared."
    metric = sides[0].metric
    found = [(side, side.best) for side in sides if side.best is not None]
    if len(found) < 2:
        return "Fewer than two of the sweeps have a finished trial to compare."
    found.sort(key=lambda pair: cost(pair[1].final, metric))
    (first, best), (_, second) = found[0], found[1]
    gap, error = abs(best.final - second.final), best.stderr
    head = f"Trial {best.trial} of {first.name} has the best {metric.name}, by {gap:.4g}"
    if gap == 0:
        return f"The best trials have the same {metric.name}."
    if error is None or not math.isfinite(error):
        return f"{head}; its standard error is not known."
    if gap <= error:
        return f"{head}: within its standard error of {error:.2g}, so they cannot be told apart."
    return f"{head}: more than its standard error of {error:.2g}."
