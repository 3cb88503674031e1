"""A plan as tables."""

from __future__ import annotations

from rich.console import RenderableType

from sweepctl import text
from sweepctl.output import facts, table
from sweeps.costs import Estimate
from sweeps.planning import Plan


def view(plan: Plan, wide: bool) -> list[RenderableType]:
    """The totals, the cells that cannot run (all of them when wide), the notes."""
    steps = (
        "unknown"
        if plan.steps_min is None
        else text.count(plan.steps_min)
        if plan.steps_min == plan.steps_max
        else f"{text.count(plan.steps_min)} to {text.count(plan.steps_max)}"
    )
    rows = [
        ("Method", plan.method),
        ("Cells", _cells(plan)),
        ("Trials", text.count(plan.trials)),
        ("Samples of one trial", _known(plan.horizon_samples)),
        ("Samples in all", _known(plan.total_samples)),
        ("Optimizer steps of one trial", steps),
        ("Hours of trials in all", _hours(plan.trial_hours)),
        ("GPU-hours", _hours(plan.gpu_hours)),
        ("Measured", f"{plan.measured} finished trials of this workload"),
    ]
    parts: list[RenderableType] = [facts(rows)]
    if plan.extra:
        made = table("beside the search", "runs", "samples", "hours", "GPU-hours", "what")
        for extra in plan.extra:
            made.add_row(
                extra.role.value,
                text.count(extra.runs),
                _known(extra.samples),
                _hours(extra.trial_hours) if extra.samples != 0 else "-",
                _hours(extra.gpu_hours) if extra.samples != 0 else "-",
                extra.what,
            )
        parts += ["", made]
    if plan.refused:
        made = table("cannot run", "why")
        listed = plan.refused if wide else plan.refused[:10]
        for cell in listed:
            made.add_row(text.params(cell.params), cell.reason)
        if plan.refused_count > len(listed):
            made.add_row(f"and {plan.refused_count - len(listed)} more", "")
        parts += ["", made]
    parts += ["", *(f"- {note}" for note in plan.notes)] if plan.notes else []
    return parts


def _cells(plan: Plan) -> str:
    if plan.cells is None:
        return "not listed: the space is continuous"
    return f"{plan.cells:,} of {plan.raw_cells:,}, {plan.refused_count:,} refused"


def _known(value: int | None) -> str:
    return "unknown" if value is None else text.count(value)


def _hours(estimate: Estimate | None) -> str:
    if estimate is None:
        return "unknown"
    return f"{estimate.middle:.3g} ({estimate.low:.3g} to {estimate.high:.3g})"
