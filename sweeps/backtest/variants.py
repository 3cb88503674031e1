"""Recorded groups with something taken away or turned round: what a policy must survive."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection

import numpy as np

from sweeps.simulator.recorded import Group, Run
from sweeps.simulator.tables import Numbers


def without(group: Group, signals: Collection[str]) -> Group:
    """The group as if these of metric, loss and grad_norm had not been recorded."""
    return dataclasses.replace(group, runs=tuple(_bare(run, signals) for run in group.runs))


def reversed_target(group: Group) -> Group:
    """The group with the worst final as its best: what was best along the way misleads now."""
    return dataclasses.replace(group, higher_is_better=not group.higher_is_better)


def _bare(run: Run, signals: Collection[str]) -> Run:
    nothing = Numbers(np.full(len(run.x), np.nan), np.zeros(len(run.x), dtype=bool))
    return dataclasses.replace(
        run,
        metric=nothing if "metric" in signals else run.metric,
        loss=nothing if "loss" in signals else run.loss,
        grad_norm=nothing if "grad_norm" in signals else run.grad_norm,
    )
