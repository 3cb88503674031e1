"""A run that reaches its target before its horizon."""

from __future__ import annotations

from pathlib import Path

from recipe_support import make_run


def test_the_last_step_is_reported_as_the_last_point(tmp_path: Path) -> None:
    run = make_run(tmp_path, horizon=24, points=3)
    run.context.register_state(lambda folder: None, lambda folder: None)
    for number in (1, 2, 3):
        run.context.step(
            samples=4,
            tokens=4,
            loss=1.0,
            grad_norm=1.0,
            learning_rate=0.1,
            ends=number == 3,
            evaluate=lambda: {"eval_loss": 0.5},
        )
    told = [(r.point, r.samples, r.metrics) for r in run.link.reports]
    assert told == [(1, 8, {"eval_loss": 0.5}), (3, 12, {"eval_loss": 0.5})]
