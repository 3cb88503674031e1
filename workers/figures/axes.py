"""The swept parameters as rows and columns: values in order, ranges of many values in bins."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeGuard

from sweeps.trial import Params, ParamValue

RATE, BATCH = "learning_rate", "global_batch_size"
# More distinct values than this are gathered into BINS bins.
MOST_VALUES, BINS = 12, 8
NOT_SET = "not set"


@dataclass(frozen=True)
class Swept:
    """One parameter: `places` are its columns (or rows) by value, `labels` their words."""

    name: str
    labels: tuple[str, ...]
    places: dict[tuple[bool, ParamValue | None], int]

    def place(self, params: Params) -> int | None:
        """The column of a configuration, None for one that is left out."""
        return self.places.get(_key(params.get(self.name)))


def two_swept(all_params: Sequence[Params]) -> tuple[list[Swept], list[str]]:
    """The two parameters to lay out, the horizontal one first, fewer when fewer vary; and the names
    of the others that vary. Learning rate and batch size come before all others."""
    names = dict.fromkeys(name for params in all_params for name in params)
    varied = [name for name in names if len({_key(p.get(name)) for p in all_params}) > 1]
    across = RATE if RATE in varied else next((n for n in varied if n != BATCH), None)
    up = BATCH if BATCH in varied else next((n for n in varied if n != across), None)
    picked = [name for name in (across, up) if name is not None]
    rest = [name for name in varied if name not in picked]
    return [_swept(name, all_params) for name in picked], rest


def _swept(name: str, all_params: Sequence[Params]) -> Swept:
    values = {_key(params.get(name)): params.get(name) for params in all_params}
    absent = values.pop(_key(None), 0) is None
    numbers = [v for v in values.values() if _is_number(v)]
    if len(values) > MOST_VALUES and len(numbers) == len(values):
        labels, places = _binned(numbers)
    else:
        # Of many words the first MOST_VALUES are shown; `place` is None for the others.
        keys = sorted(values, key=lambda key: _order(values[key]))[: 2 * MOST_VALUES]
        labels = [_word(values[key]) for key in keys]
        places = {key: index for index, key in enumerate(keys)}
    if absent:
        places[_key(None)] = len(labels)
        labels.append(NOT_SET)
    return Swept(name, tuple(labels), places)


def _binned(
    numbers: Sequence[float],
) -> tuple[list[str], dict[tuple[bool, ParamValue | None], int]]:
    """Equal bins, of the logarithm when the numbers are positive and span a decade."""
    low, high = min(numbers), max(numbers)
    log = low > 0 and high >= 10 * low
    start, end = (math.log(low), math.log(high)) if log else (low, high)
    width = (end - start) / BINS
    edges = [start + width * index for index in range(BINS + 1)]
    edges = [math.exp(edge) for edge in edges] if log else edges
    labels = [f"{a:.2g}–{b:.2g}" for a, b in pairwise(edges)]
    return labels, {
        _key(n): min(BINS - 1, int(((math.log(n) if log else n) - start) / width)) for n in numbers
    }


def _key(value: ParamValue | None) -> tuple[bool, ParamValue | None]:
    """1 and 1.0 are one value, 1 and true are two."""
    return isinstance(value, bool), value


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _order(value: ParamValue | None) -> tuple[int, float, str]:
    if _is_number(value):
        return 0, float(value), ""
    return 1, 0.0, str(value)


def _word(value: ParamValue | None) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 20 else f"{text[:19]}…"
