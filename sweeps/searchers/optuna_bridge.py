"""What Optuna is asked with: our parameters as its distributions, and no word of its own."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from sweeps.searchers.knobs import Knob


def distribution_of(knob: Knob) -> BaseDistribution:
    """Where Optuna may put one knob."""
    if knob.kind == "words":
        return CategoricalDistribution(range(int(knob.high) + 1))
    if knob.kind in ("int", "steps"):
        return IntDistribution(int(knob.low), int(knob.high))
    return FloatDistribution(float(knob.low), float(knob.high), log=knob.kind == "log")


def suggest(trial: optuna.Trial, knob: Knob) -> float:
    """Optuna's choice for one knob, given those already chosen for the trial."""
    if knob.kind == "words":
        return int(trial.suggest_categorical(knob.name, range(int(knob.high) + 1)))
    if knob.kind in ("int", "steps"):
        return int(trial.suggest_int(knob.name, int(knob.low), int(knob.high)))
    low, high = float(knob.low), float(knob.high)
    return float(trial.suggest_float(knob.name, low, high, log=knob.kind == "log"))


_asking: ContextVar[bool] = ContextVar("_asking", default=False)


class _Hush(logging.Filter):
    """Drops what is logged by an ask of ours, and nothing else."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not _asking.get()


@contextmanager
def quiet() -> Iterator[None]:
    """Meanwhile nothing is logged of what Optuna does for us on this thread."""
    token = _asking.set(True)
    try:
        yield
    finally:
        _asking.reset(token)


# "A new study created in memory ..." at every ask, and once that greenlet is not installed.
for _name in ("optuna.storages._in_memory", "optuna._gp.batched_lbfgsb"):
    logging.getLogger(_name).addFilter(_Hush())
