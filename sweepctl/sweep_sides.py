"""Sweeps side by side: pure, from what the service said of each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from service.schemas import SweepDetail
from sweeps.contest import RATE
from sweeps.metric import cost
from sweeps.ranking import Ranked
from sweeps.result import Result
from sweeps.significance import two_sided
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
            metric=_ranked_by(sweep.metric, result),
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


def _ranked_by(metric: Metric, result: Result) -> Metric:
    """What the best trials have their values of."""
    return metric.model_copy(update={"name": result.ranked_by or metric.name})


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
    """Which best trial is better, by the rule of the ranking."""
    if len({(side.metric.name, side.metric.goal) for side in sides}) > 1:
        return "The sweeps have different metrics; their best trials cannot be compared."
    metric = sides[0].metric
    found = [(side, side.best) for side in sides if side.best is not None]
    if len(found) < 2:
        return "Fewer than two of the sweeps have a finished trial to compare."
    found.sort(key=lambda pair: cost(pair[1].mean, metric))
    (first, best), (_, second) = found[0], found[1]
    gap = abs(best.mean - second.mean)
    head = f"Trial {best.trial} of {first.name} has the best {metric.name}, by {gap:.4g}"
    if gap == 0:
        return f"The best trials have the same {metric.name}."
    chance = _by_chance(best, second)
    if chance is None:
        return f"{head}; the error of one of them is not known, or of another kind."
    if chance > RATE:
        return f"{head}: within noise, so they cannot be told apart."
    return f"{head}: more than noise explains, at a rate of {RATE}."


def _by_chance(one: Ranked, other: Ranked) -> float | None:
    """How likely so large a difference is between equal ones; None when nobody knows. The errors
    of an evaluation and of repeated runs are two different things."""
    if one.error is None or other.error is None or (one.runs > 1) != (other.runs > 1):
        return None
    freedom = min(one.runs, other.runs) - 1 or math.inf
    return two_sided((one.mean - other.mean) / math.hypot(one.error, other.error), freedom)
