"""When a run has something to report. The worker and the simulator ask this one function."""

from __future__ import annotations

from dataclasses import dataclass

from sweeps.points import RunPlan, crossed_evaluation


@dataclass(frozen=True)
class Due:
    """A report that is due now: under which point, by which guard, with an evaluation or not."""

    point: int
    guard: str | None = None
    evaluate: bool = False


def due(
    plan: RunPlan,
    every_points: int,
    last: int,
    samples_seen: int,
    *,
    guard: str | None = None,
    ends: bool = False,
) -> Due | None:
    """What a run reports once it has seen `samples_seen`; None between two points.

    `last` is the point reported before, 0 at first. `guard` is that of this step, if one tripped:
    it is reported at once, under the point that the open window would have led to, and without an
    evaluation. `ends`: the run is over here, its target reached, whatever is left of its horizon;
    that is its last point.
    """
    point = plan.points if ends else plan.point_at(samples_seen)
    if guard is not None:
        return Due(min(max(last + 1, point), plan.points), guard)
    if point <= last:
        return None
    return Due(point, None, crossed_evaluation(last, point, every_points, plan.points))
