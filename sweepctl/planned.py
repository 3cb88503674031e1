"""A plan as tables."""

from __future__ import annotations

from rich.console import RenderableType

from sweepctl import text
from sweepctl.output import facts, table
from sweeps.costs import Deviation, Estimate
from sweeps.keeping import PER_TRIAL
from sweeps.learned import Learned
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
        *_shared(plan),
        ("Optimizer steps of one trial", steps),
        ("Hours of trials in all", _hours(plan.trial_hours)),
        ("GPU-hours", _hours(plan.gpu_hours)),
        ("Measured", f"{plan.measured} finished trials of this workload"),
        ("Hours of past trials", _off(plan.hours_deviation)),
        ("Disk for checkpoints", _disk(plan)),
        *_learned(plan.learned),
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


def _shared(plan: Plan) -> list[tuple[str, str]]:
    """Only where some trials begin with the same phases."""
    spared = plan.shared_samples
    return [("Spared by shared phases", text.count(spared))] if spared else []


def _learned(found: Learned | None) -> list[tuple[str, str]]:
    """What the cost model knows; a single line while it knows nothing."""
    if found is None:
        return [("Cost model", "unknown: no trial of this model was measured in this pool yet")]
    rate, peak, memory = found.tokens_per_second, found.peak_memory_bytes, found.device_memory_bytes
    rows = [
        ("Cost model", f"{found.trials} trials of this model, the last on {found.device}"),
        ("Tokens per second", _range(rate, "{:,.0f}", found.speed_deviation)),
        ("Peak memory", _range(peak, "{:.2f} GB", found.memory_deviation, 2**30)),
    ]
    if memory is not None:
        rows += [
            ("Memory of a device", f"{memory / 2**30:.2f} GB"),
            ("First micro-batch", _known(found.first_micro_batch)),
            ("Trials that fit on a device", _known(found.trials_per_device)),
        ]
    return rows


def _range(found: Estimate | None, form: str, off: Deviation | None, unit: float = 1.0) -> str:
    if found is None:
        return "unknown"
    low, middle, high = (form.format(one / unit) for one in (found.low, found.middle, found.high))
    return f"{middle} ({low} to {high}); past trials: {_off(off)}"


def _off(found: Deviation | None) -> str:
    if found is None:
        return "too few to tell how far predictions are off"
    return f"off by {found.median:.1%} (median of {found.n}, each foretold from the others)"


def _disk(plan: Plan) -> str:
    each = plan.learned.checkpoint_bytes if plan.learned else None
    if plan.disk_bytes is None or each is None:
        return f"unknown; a parked trial keeps {PER_TRIAL} checkpoints until the sweep ends"
    size, one = plan.disk_bytes / 2**30, each / 2**30
    ends = ", one for each beginning that trials share" if plan.shared_samples else ""
    return f"up to {size:.3g} GB, until the sweep ends ({PER_TRIAL} of {one:.3g} GB a trial{ends})"


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
