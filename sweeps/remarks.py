"""What to know before trusting a result, in sentences."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from sweeps.metric import cost, ranked_by
from sweeps.ranking import Ranked, Standing, Stopped, Unranked, as_good, eligible
from sweeps.space import Choice, Range
from sweeps.spec import SweepSpec
from sweeps.trial import Params, ParamValue

# A value this close to the end of a range, as a share of it, counts as at the end.
EDGE = 0.05


def remarks(
    spec: SweepSpec,
    ranking: Sequence[Ranked],
    unranked: Sequence[Unranked],
    waiting: Sequence[Standing],
    stopped: Sequence[Stopped],
) -> list[str]:
    """What to know before trusting the ranking, most important first."""
    fit = eligible(ranking)
    notes = [*_losses(spec, ranking), *_edges(spec, fit)]
    if len(ranking) == 1:
        notes.append("Only one trial finished, so there is nothing to compare it with.")
    notes += [f"Trial {row.trial} is not ranked: {row.reason}." for row in unranked]
    notes += _regrets(spec, fit, waiting)
    failed = [row for row in stopped if row.reason == "failed"]
    notes += [f"Trial {row.trial} failed ({told(row.params)}). {row.message}" for row in failed]
    reasons = Counter(row.reason for row in stopped if row.reason != "failed")
    if reasons:
        parts = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
        notes.append(f"Stopped early: {sum(reasons.values())} trials ({parts}).")
    return notes


def told(params: Params) -> str:
    """A configuration as a person writes it: `learning_rate: 2e-05, warmup_steps: 0`."""
    return ", ".join(f"{name}: {_text(value)}" for name, value in params.items()) or "no parameters"


def listed(numbers: Sequence[int]) -> str:
    """`1, 2 and 3`."""
    *most, last = [str(number) for number in numbers]
    return f"{', '.join(most)} and {last}" if most else last


def _text(value: ParamValue) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value).lower()


def _losses(spec: SweepSpec, ranking: Sequence[Ranked]) -> list[str]:
    """Trials that lost too much of what the base model could, those that would have won first."""
    notes = []
    for row in ranking:
        known = [(name, row.drops.get(name, math.nan)) for name in row.over]
        parts = [f"{name} {_lost(drop)}" for name, drop in known]
        if parts:
            notes.append(f"Trial {row.trial} breaks max_drop and cannot win: {', '.join(parts)}.")
    return notes


def _lost(drop: float) -> str:
    return (
        f"is worse than the base model's by {drop:.4g}" if math.isfinite(drop) else "is not known"
    )


def _edges(spec: SweepSpec, ranking: Sequence[Ranked]) -> list[str]:
    """Numeric axes on whose end all lie that are as good as the best: better may lie beyond."""
    notes = []
    top = [row.params for row in as_good(ranking)]
    for name, axis in spec.spec.parameters.axes.items():
        values = [params.get(name) for params in top]
        for end, word in zip(_ends(axis), ("lowest", "highest"), strict=False):
            # There is nothing to try below 0.
            if end is None or (word == "lowest" and end == 0) or not values:
                continue
            if all(value is not None and _at(axis, value, end) for value in values):
                shown = _text(values[0] if values[0] is not None else end)
                more = "lower" if word == "lowest" else "higher"
                notes.append(
                    f"The best {name}, {shown}, is at the {word} end of what was tried; "
                    f"try {more} values before taking it as the optimum."
                )
    return notes


def _ends(axis: Choice | Range) -> tuple[float, ...]:
    if isinstance(axis, Range):
        return (axis.min, axis.max)
    numbers = [v for v in axis.values if isinstance(v, (int, float)) and not isinstance(v, bool)]
    return (min(numbers), max(numbers)) if len(numbers) == len(axis.values) > 2 else ()


def _at(axis: Choice | Range, value: ParamValue, end: float) -> bool:
    if isinstance(axis, Choice) or isinstance(value, str):
        return value == end
    if axis.distribution == "log_uniform_values":
        width = math.log(axis.max / axis.min)
        return abs(math.log(value / end)) <= EDGE * width
    return abs(value - end) <= EDGE * (axis.max - axis.min)


def _regrets(spec: SweepSpec, ranking: Sequence[Ranked], waiting: Sequence[Standing]) -> list[str]:
    metric = spec.spec.metric
    if not ranking:
        return []
    # What is unfinished has nothing from the unseen sets: it is compared by the metric itself.
    best = ranking[0].mean if ranked_by(spec) == metric else ranking[0].final
    bar = cost(best, metric)
    ahead = [row for row in waiting if cost(row.best_so_far, metric) < bar]
    return [
        f"Trial {row.trial} ({row.state}) did not finish, but its best {metric.name} so far, "
        f"{row.best_so_far:.6g} at point {row.point}, beats the best final."
        for row in ahead
    ]
