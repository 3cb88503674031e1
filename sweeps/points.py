"""Decision points: marks on the samples axis at which a trial reports and may be judged."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sweeps.trial import Params


@dataclass(frozen=True)
class RunPlan:
    """The length of one trial's run.

    `horizon` samples in steps of `global_batch_size`; the last step is whole, so a run may see up
    to one batch more than its horizon. `points` is the number of decision points.
    """

    horizon: int
    global_batch_size: int
    points: int
    warmup_steps: int = 0

    @property
    def steps(self) -> int:
        """ceil(horizon / global batch)."""
        return -(-self.horizon // self.global_batch_size)

    @property
    def warmup_samples(self) -> int:
        """Samples seen when warmup ends."""
        return self.warmup_steps * self.global_batch_size

    def point_at(self, samples_seen: int) -> int:
        """The highest point k with samples_seen >= k x horizon / points; 0 before the first."""
        return min(self.points, samples_seen * self.points // self.horizon)

    def samples_at(self, point: int) -> int:
        """samples_seen after the first step that reaches `point`."""
        # ceil(point x horizon / points / batch) in whole numbers.
        return -(-point * self.horizon // (self.points * self.global_batch_size)) * (
            self.global_batch_size
        )

    def reported_points(self) -> list[int]:
        """Every point this run reports: a step that crosses several reports the last of them."""
        return [
            point
            for point in range(1, self.points + 1)
            if self.point_at(self.samples_at(point)) == point
        ]

    def past_warmup(self, point: int) -> bool:
        """True when the whole warmup lies before `point` is reported."""
        return self.samples_at(point) > self.warmup_samples

    def first_report(self, mark: int) -> int | None:
        """The first point from `mark` on that is reported past the warmup, None without one."""
        found = (
            point
            for point in range(mark, self.points + 1)
            if self.point_at(self.samples_at(point)) == point and self.past_warmup(point)
        )
        return next(found, None)


def evaluated(point: int, every: int, points: int) -> bool:
    """True when an evaluation is due at `point`: every `every`-th one, and always the last."""
    return point == points or point % every == 0


def crossed_evaluation(last: int, point: int, every: int, points: int) -> bool:
    """True when an evaluation is due between `last` (exclusive) and `point` (inclusive)."""
    return point == points or point // every > last // every


def warmup_steps(params: Params, steps: int) -> int:
    """`warmup_steps`, or ceil(warmup_ratio x steps) as transformers rounds it; 0 when neither."""
    if "warmup_steps" in params:
        return int(params["warmup_steps"])
    return math.ceil(float(params.get("warmup_ratio", 0.0)) * steps)


def run_plan(params: Params, horizon: int, points: int) -> RunPlan:
    """The run of one configuration. A recipe without a batch size counts single samples."""
    batch = int(params.get("global_batch_size", 1))
    bare = RunPlan(horizon, batch, points)
    return RunPlan(horizon, batch, points, warmup_steps(params, bare.steps))
