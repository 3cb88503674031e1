"""Where trials run, what they may spend, and what stays of them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sweeps.space import LARGEST
from sweeps.spec.words import Clock, Name
from sweeps.wire import Wire


class Resources(Wire):
    """Where a trial runs and on how much.

    `gpus_per_trial` defaults to what the pool has (0 on a CPU pool); several share one model.
    `max_attempts` is how many attempts at a trial may raise before it is given up; three times as
    many may lose their worker.
    `per_device_train_batch_size` is the largest micro-batch; accumulation makes up the global
    batch, so results do not depend on it. Of the sweeps that wait for a pool, those of a higher
    `priority` go first.
    """

    pool: Name = "default"
    gpus_per_trial: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    cpus_per_trial: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    max_parallel: int | None = Field(default=None, ge=1, lt=LARGEST)
    per_device_train_batch_size: int | None = Field(default=None, ge=1)
    max_attempts: int = Field(default=3, ge=1, le=100)
    priority: int = Field(default=0, ge=-100, le=100)


class Checkpoints(Wire):
    """What stays on disk: the final weights of the `keep_best` configurations that are ranked
    first; where runs are repeated (`confirm`, an axis `seed`) those of the recommended one too. Of
    several seeds the best run's. Those of trials that may still go on stay in any case.

    `champion` is how the winner among them is registered in MLflow, under that alias: an adapter as
    it is, or `merged` into its base; `never` registers nothing.
    """

    keep_best: int = Field(default=1, ge=0, lt=LARGEST)
    champion: Literal["adapter", "merged", "never"] = "adapter"


class Budget(Wire):
    """What the sweep may spend at most."""

    trials: int | None = Field(default=None, ge=1, lt=LARGEST)
    gpu_hours: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    wall_clock: Clock | None = None
