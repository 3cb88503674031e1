"""Does the pruner ever have something to judge?"""

from __future__ import annotations

from sweeps.checks.sft import OF_WINDOWS
from sweeps.errors import Fault
from sweeps.points import evaluated
from sweeps.pruners.configs import Halving, Recipe
from sweeps.spec import SweepSpec


def pruning_faults(spec: SweepSpec) -> list[Fault]:
    """Rungs that no trial has before its end, or at which the metric of `halving` is not known."""
    pruning, points = spec.spec.pruning, spec.spec.report.points
    if not isinstance(pruning, Halving | Recipe):
        return []
    rungs = pruning.rungs(points)
    if not rungs:
        message = f"{pruning.type} judges before the last decision point, and there is none left"
        mend = "Write report: {points: 20}, or judge earlier in the run."
        return [Fault("/spec/report/points", str(points), message, mend)]
    every, metric = spec.spec.evaluation.every_points, spec.spec.metric.name
    of_windows = metric in OF_WINDOWS or spec.spec.workload.recipe != "sft"
    if not isinstance(pruning, Halving) or of_windows:
        return []
    if any(evaluated(point, every, points) for point in range(rungs[0], points)):
        return []
    message = (
        f"{metric} is not measured between point {rungs[0]}, where halving begins, and the end, "
        "so no trial would ever be judged"
    )
    mend = f"Write evaluation: {{every_points: {rungs[0]}}}."
    return [Fault("/spec/evaluation/every_points", str(every), message, mend)]
