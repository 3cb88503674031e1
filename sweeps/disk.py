"""What the checkpoints of a sweep may take on disk."""

from __future__ import annotations

from collections.abc import Sequence

from sweeps.configurations import SEEDS
from sweeps.extras import Extra
from sweeps.keeping import PER_TRIAL
from sweeps.spec import SweepSpec


def most_checkpoints(spec: SweepSpec, trials: int, shared: int, extra: Sequence[Extra]) -> int:
    """How many there may be at one time: those of `trials` search trials, of the runs beside them,
    and `shared` ones at the ends of phases.

    A pruner parks those that lose, and a parked trial keeps its own until the sweep ends; without
    one there are those that run and those that stay (`sweeps.keeping.best_finished`).
    """
    at_once = spec.spec.resources.max_parallel
    if spec.spec.pruning.type == "never":
        trials = min(trials, (at_once or trials) + _staying(spec, trials))
    # A base row trains nothing.
    beside = sum(one.runs for one in extra if one.samples != 0)
    return PER_TRIAL * (trials + min(beside, at_once or beside)) + shared


def _staying(spec: SweepSpec, trials: int) -> int:
    """Finished trials that keep their checkpoints, at most: all of them where `max_drop` or an axis
    of seeds decides, as long as that is open; with `confirm` the finalists beside the best."""
    keep, confirm = spec.spec.checkpoints.keep_best, spec.spec.confirm
    if keep and (spec.spec.metric.max_drop or set(SEEDS) & set(spec.spec.parameters.names)):
        return trials
    return keep + confirm.top if keep and confirm else keep
