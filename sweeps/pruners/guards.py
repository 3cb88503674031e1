"""Guards: what ends a run that is broken, whatever the pruner. Pure and few.

"The loss has not moved" is no guard: the best runs of arXiv 2412.13337 have low rates and high
loss. A lone norm spike kills nobody: 10,000-fold ones happen on healthy LoRA runs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from sweeps.points import RunPlan
from sweeps.trial import Action, Evidence, Params, Report, StepRecord, Verdict

DIVERGED_POINTS = 3
DIVERGED_NATS = 1.0
DIVERGED_MADS = 6.0


def step_guard(step: StepRecord) -> str | None:
    """Runs in the worker at every optimizer step. The name of the guard that trips, or None."""
    if not math.isfinite(step.loss):
        return "non_finite_loss"
    if step.grad_norm is not None and not math.isfinite(step.grad_norm):
        return "non_finite_grad_norm"
    if step.loss == 0.0 and step.label_tokens != 0 and not step.grad_norm:
        # transformers logs 0.0 after a NaN (logging_nan_inf_filter). A converged run may round to
        # 0.0 too, but has a gradient: docs/decisions/0003-zero-loss.md.
        return "zero_loss"
    return None


_SENTENCES = {
    "non_finite_loss": "The loss is not a finite number at step {step} ({samples:,} samples).",
    "non_finite_grad_norm": (
        "The gradient norm is not a finite number at step {step} ({samples:,} samples)."
    ),
    "zero_loss": (
        "The loss is exactly 0.0 at step {step} ({samples:,} samples) although there are labels, "
        "and no gradient was seen with it."
    ),
}
# What each per-step guard looks at, and what it saw there.
_SEEN = {
    "non_finite_loss": ("loss", math.nan),
    "non_finite_grad_norm": ("grad_norm", math.nan),
    "zero_loss": ("loss", 0.0),
}


def judge(
    params: Params, reports: Mapping[int, Report], report: Report, plan: RunPlan
) -> Verdict | None:
    """The guards' verdict on the report just made, or None when none trips.

    `reports` are the trial's reports by point, this one among them or not.
    """
    if report.guard is not None:
        return _tripped(report.guard, report)
    if not plan.past_warmup(report.point):
        return None
    here = _of_this_phase({**reports, report.point: report}, report, plan)
    past = {point: known for point, known in here.items() if plan.past_warmup(point)}
    first = here[min(here)]
    return _dead(params, list(past.values()), report) or _diverged(
        first, list(past.values()), report
    )


def _of_this_phase(
    reports: Mapping[int, Report], report: Report, plan: RunPlan
) -> dict[int, Report]:
    """The reports up to `report`, in order, whose whole window lies in its phase: a loss on other
    data says nothing of this one. Without phases, all of them; `report` is always one."""
    began, found, before = plan.phase_at(report.samples).start, dict[int, Report](), 0
    for point, known in sorted(reports.items()):
        if point == report.point or (before >= began and point < report.point):
            found[point] = known
        before = known.samples
    return found


def _tripped(guard: str, report: Report) -> Verdict:
    sentence = _SENTENCES.get(guard, "The guard {guard} tripped at step {step}.")
    message = sentence.format(guard=guard, step=report.step, samples=report.samples)
    signal, seen = _SEEN.get(guard, (guard, None))
    return _stop(guard, message, report, signal, seen, None)


def _dead(params: Params, past: list[Report], report: Report) -> Verdict | None:
    if params.get("learning_rate") == 0:
        message = "The learning rate is 0, so no parameter changes and the result is the base's."
        return _stop("dead", message, report, "learning_rate", 0.0, 0.0)
    # Windows of one step: one such step may be chance (rounding), two are not.
    windows = [known.window for known in (past[-1:] if report.window.steps > 1 else past[-2:])]
    steps = sum(window.steps for window in windows)
    if steps < 2 or any(window.learning_rate <= 0 for window in windows):
        return None
    where = f"in the {steps} steps up to step {report.step}, at a positive learning rate"
    if all(window.grad_norm is not None and window.grad_norm.max == 0.0 for window in windows):
        message = f"The gradient norm was 0 {where}."
        return _stop("dead", message, report, "grad_norm", 0.0, 0.0)
    if all(window.unchanged == window.steps for window in windows):
        message = f"No parameter changed {where}."
        return _stop("dead", message, report, "changed_steps", 0.0, 0.0)
    return None


def _diverged(first: Report, past: list[Report], report: Report) -> Verdict | None:
    """`first` is the trial's first report, `past` those past warmup up to `report`, in order."""
    start = first.window.loss
    medians = [
        known.window.loss.median
        for known in past[-DIVERGED_POINTS:]
        if known.window.loss is not None
    ]
    if start is None or not math.isfinite(start.median) or len(medians) < DIVERGED_POINTS:
        return None
    cutoff = start.median + max(DIVERGED_NATS, DIVERGED_MADS * start.mad)
    if not all(median > cutoff for median in medians):
        return None
    message = (
        f"The median loss was above {cutoff:.4g} at {DIVERGED_POINTS} decision points in a row "
        f"and is {medians[-1]:.4g} at point {report.point}; it began at {start.median:.4g}."
    )
    return _stop("diverged", message, report, "loss", medians[-1], cutoff)


def _stop(
    reason: str,
    message: str,
    report: Report,
    signal: str,
    value: float | None,
    cutoff: float | None,
) -> Verdict:
    details: dict[str, float | None] = {"point": report.point, "samples": report.samples}
    evidence = Evidence(signal=signal, value=value, cutoff=cutoff, details=details)
    return Verdict(action=Action.STOP, reason=reason, message=message, evidence=evidence)
