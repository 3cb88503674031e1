"""What trials of the toy recipe measure in this process, with none of the other parts."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import toy_recipe
from recipe_support import Run, make_run

from sweeps.space import grid
from sweeps.spec import SweepSpec
from tests.chaos.outcome import Numbers, Point, untimed


def alone(spec: SweepSpec, folder: Path) -> Numbers:
    """The numbers of a grid that runs to its end, one trial after the other. Its metric is to be
    minimized."""
    name = spec.spec.metric.name
    finals: dict[int, str] = {}
    reports: dict[tuple[int, int], str] = {}
    points: dict[Point, Counter[str]] = {}
    for number, run in enumerate(_runs(spec, folder)):
        toy_recipe.run(run.context)
        for report in run.link.reports:
            reports[number, report.point] = untimed(report)
        finals[number] = run.link.reports[-1].metrics[name].hex()
        best = min(report.metrics[name] for report in run.link.reports)
        # MLflow sorts its table of runs by that.
        points[number, f"best_{name}", 0] = Counter([best.hex()])
        for step, metrics in run.log.entries:
            for key, value in metrics.items():
                points[number, key, step] = Counter([value.hex()])
    return Numbers(finals, reports, points, shared={})


def _runs(spec: SweepSpec, folder: Path) -> list[Run]:
    body = spec.spec
    assert body.horizon.samples is not None
    return [
        make_run(
            folder,
            body.workload,
            params,
            horizon=body.horizon.samples,
            points=body.report.points,
            trial=f"alone-{number}",
            evaluation=body.evaluation,
            seed=body.seed,
        )
        for number, params in enumerate(grid(body.parameters))
    ]
