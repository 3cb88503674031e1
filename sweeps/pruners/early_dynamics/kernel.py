"""How alike two configurations are: a kernel on the parameters of a sweep that vary."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sweeps.pruners.early_dynamics.scores import Floats
from sweeps.trial import Params, ParamValue

# They name a run and say nothing of how it will go.
_NAMES = ("seed", "config_id")
# The squared distance of two words, in squared standard deviations of a number.
_APART = 2.0


def configuration(params: Params) -> Params:
    """The parameters without those that only name a run."""
    return {name: value for name, value in params.items() if name not in _NAMES}


def varying(configurations: Sequence[Params]) -> dict[str, list[ParamValue | None]]:
    """The parameters that not all configurations have alike, with the value of each configuration,
    None where it has none."""
    names: Params = {}
    for params in configurations:
        names.update(params)
    found = {}
    for name in names:
        values = [params.get(name) for params in configurations]
        if name not in _NAMES and values.count(values[0]) < len(values):
            found[name] = values
    return found


def coordinates(configurations: Sequence[Params]) -> list[tuple[Floats, bool]]:
    """One axis for each parameter that varies: a value for every configuration, and whether the
    values are numbers to be measured (True) or codes that are equal or not.

    Positive numbers are taken by their logarithm and every numeric axis has standard deviation 1.
    A parameter that not all have is a word, "absent" where it is not there.
    """
    return [_axis(values) for values in varying(configurations).values()]


def kernel(axes: Sequence[tuple[Floats, bool]], some: Sequence[int], size: int) -> Floats | None:
    """Rows for all `size` configurations, columns for `some`; None when nothing varies.

    exp(-d / 2), d the mean over the axes of the squared distances.
    """
    if not axes:
        return None
    total = np.zeros((size, len(some)))
    for values, measured in axes:
        apart = values[:, None] - values[None, some]
        total += apart**2 if measured else _APART * (apart != 0)
    return np.asarray(np.exp(-total / (2 * len(axes))), dtype=np.float64)


def _axis(values: Sequence[ParamValue | None]) -> tuple[Floats, bool]:
    if all(isinstance(v, int | float) and not isinstance(v, bool) for v in values):
        numbers = np.array(values, dtype=np.float64)
        if (numbers > 0).all():
            numbers = np.log(numbers)
        spread = numbers.std()
        if spread > 0:  # not so of values that differ by rounding only
            return (numbers - numbers.mean()) / spread, True
    codes = {text: float(code) for code, text in enumerate(sorted({str(v) for v in values}))}
    return np.array([codes[str(value)] for value in values]), False
