"""The picture that `watch` draws: a header, and a row for each trial."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar

from service.schemas import SweepDetail, Trial
from sweepctl import text
from sweepctl.output import table
from sweeps.lifecycle import TRIAL_ENDS, TrialState
from sweeps.result import Result

_FIRST = (TrialState.RUNNING, TrialState.PAUSED, TrialState.PENDING)


def board(
    sweep: SweepDetail, trials: Sequence[Trial], result: Result, height: int | None
) -> RenderableType:
    """At most `height` trials, those that run first (None: all, by number)."""
    shown = list(trials)
    if height is not None and len(shown) > height:
        shown = sorted(shown, key=_urgency)[:height]
        shown.sort(key=lambda one: one.number)
    names = list(dict.fromkeys(name for one in shown for name in one.params))
    made = table(
        "trial", "state", "progress", "", *names, "loss", "grad_norm", sweep.metric.name, "reason"
    )
    for one in shown:
        done = progress(sweep, one)
        made.add_row(
            str(one.number),
            one.state.value,
            ProgressBar(total=1.0, completed=done, width=16),
            f"{100 * done:3.0f} %",
            *(text.parameter(one.params.get(name, "-")) for name in names),
            text.number(one.loss),
            text.number(one.grad_norm),
            text.number(one.value),
            one.reason or "-",
        )
    parts: list[RenderableType] = [*header(sweep, result), "", made]
    hidden = len(trials) - len(shown)
    return Group(*parts, *([f"and {hidden} more"] if hidden else []))


def header(sweep: SweepDetail, result: Result) -> list[str]:
    """State, counts, best and savings in two lines."""
    best = "none yet"
    if result.best is not None:
        best = f"{text.number(result.best.final)} (trial {result.best.trial})"
    said = f": {sweep.message}" if sweep.message else ""
    return [
        f"{sweep.name} ({text.short(sweep.id)}) {sweep.state}{said}",
        f"trials: {text.states(sweep.trials)} | best {sweep.metric.name}: {best} | "
        f"compute saved: {text.share(result.compute_saved)}",
    ]


def progress(sweep: SweepDetail, trial: Trial) -> float:
    """The share of the horizon that a trial has run; by decision points for a horizon in epochs."""
    if trial.state is TrialState.DONE:
        return 1.0
    samples = sweep.spec["spec"]["horizon"].get("samples")
    if samples:
        return min(1.0, trial.samples / float(samples))
    return min(1.0, (trial.point or 0) / float(sweep.spec["spec"]["report"]["points"]))


def _urgency(trial: Trial) -> tuple[int, float]:
    """What runs or waits comes first, then what ended last."""
    if trial.state in TRIAL_ENDS:
        return len(_FIRST), -trial.updated_at.timestamp()
    return _FIRST.index(trial.state), float(trial.number)
