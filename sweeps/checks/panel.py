"""Unseen sets and limits on what training may cost: can trials be ranked by them?"""

from __future__ import annotations

from sweeps.checks.sft import metrics, of_task
from sweeps.drops import LESS, MORE, goal_of
from sweeps.errors import Fault
from sweeps.faults import nearest, pointer, shorten
from sweeps.metric import UNSEEN, unseen_half
from sweeps.spec import SweepSpec

_DROP = ["spec", "metric", "max_drop"]
_METRIC = "/spec/metric/name"


def panel_faults(spec: SweepSpec) -> list[Fault]:
    """Unseen sets that give the metric nothing to be ranked by; limits that cannot be measured;
    what only the recipe `sft` evaluates."""
    return [*_unseen(spec), *_limits(spec), *_own(spec)]


def _unseen(spec: SweepSpec) -> list[Fault]:
    name, data = spec.spec.metric.name, spec.spec.workload.data
    if name.startswith(UNSEEN):
        message = "unseen sets are for the end: nothing is searched or pruned by them"
        mend = f"Name the metric of the eval set: eval_{name.removeprefix(UNSEEN)}."
        return [Fault(_METRIC, shorten(name), message, mend)]
    if data is None or data.unseen is None or unseen_half(spec, name) != name:
        return []
    at, sets = "/spec/workload/data/unseen", shorten(data.unseen)
    if not data.unseen:
        return [Fault(at, "{}", "no set is named", "Name one, or take unseen out.")]
    message = f"trials are ranked by the unseen half of {name}, and these sets give none"
    mend = "Write it as eval is written, with the metric's set under the same name, or take it out."
    return [Fault(at, sets, message, mend)]


def _own(spec: SweepSpec) -> list[Fault]:
    asked, data, recipe = spec.spec.evaluation, spec.spec.workload.data, spec.spec.workload.recipe
    found = {
        "evaluation/judge": asked.judge,
        "evaluation/tasks": asked.tasks or None,
        # One that never reports the unseen half would leave a whole sweep without a ranking.
        "workload/data/unseen": data.unseen if data is not None else None,
    }
    message = f"the recipe {recipe} evaluates by itself and would not read it"
    return [
        Fault(f"/spec/{field}", shorten(value), message, "Take it out.")
        for field, value in found.items()
        if value is not None and recipe != "sft"
    ]


def _limits(spec: SweepSpec) -> list[Fault]:
    limits, faults = spec.spec.metric.max_drop, list[Fault]()
    if limits and spec.spec.baselines.base is False:
        message = "max_drop is measured against the base model, and there is to be no base row"
        faults.append(Fault("/spec/baselines/base", "false", message, "Take it out."))
    for name, most in limits.items():
        at = pointer([*_DROP, name])
        if name.startswith(UNSEEN):
            message = "unseen sets are for the end"
            mend = f"Name the eval set: eval_{name.removeprefix(UNSEEN)}."
            faults.append(Fault(at, f"{most:g}", message, mend))
        elif goal_of(name) is None:
            message = "the name does not tell which way is worse"
            mend = f"Name a metric that ends in {', '.join(LESS)} or {', '.join(MORE)}."
            faults.append(Fault(at, f"{most:g}", message, mend))
        elif spec.spec.workload.recipe == "sft":
            faults += _unknown(spec, at, name)
    return faults


def _unknown(spec: SweepSpec, at: str, name: str) -> list[Fault]:
    known = [metric for metric in metrics(spec) if metric.startswith("eval_")]
    if name in known or of_task(spec, name):
        return []
    close = nearest(name, known)
    named = f"Known: {', '.join(known)}." if known else "Add spec.workload.data.eval."
    mend = f"Did you mean '{close}'?" if close else named
    return [Fault(at, shorten(name), "the sft recipe evaluates no such metric", mend)]
