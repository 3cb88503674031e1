"""Sweeps with a retention panel: a metric to win by, and one that must not drop."""

from __future__ import annotations

from typing import Any

from stories import POINTS, Script, make_report, make_spec

from sweeps.lifecycle import AttemptEnd
from sweeps.spec import SweepSpec
from sweeps.trial import Role

KEPT = "eval_kept_accuracy"
METRIC = {"name": "eval_loss", "goal": "minimize", "max_drop": {KEPT: 0.1}}
DATA = {"train": "a.jsonl", "eval": {"kept": "c.jsonl", "taught": "b.jsonl"}}


def limited(**changes: Any) -> SweepSpec:
    """A trial may lose 0.1 of the base model's accuracy, and is ranked by eval_loss."""
    return make_spec(**{"metric": METRIC, **changes})


def base_row(script: Script, kept: float | None = 0.8, **metrics: float) -> int:
    """The base model, evaluated; None: its row failed."""
    number = script.ask(role=Role.BASE)
    if kept is None:
        script.end(number, AttemptEnd.FAILED, error="Boom", gave_up=True)
        return number
    script.say(number, make_report(POINTS, 9.0, metrics={KEPT: kept, **metrics}))
    script.end(number)
    return number


def finish(
    script: Script, loss: float, kept: float | None, role: Role = Role.SEARCH, **more: Any
) -> int:
    """A trial that ends with this loss and this accuracy; `metrics` are others."""
    metrics = {**more.pop("metrics", {}), **({} if kept is None else {KEPT: kept})}
    number = script.ask(role=role, **more)
    script.say(number, make_report(POINTS // 2, loss, metrics=metrics))
    script.say(number, make_report(POINTS, loss, metrics=metrics))
    script.end(number, seconds=10.0)
    return number
