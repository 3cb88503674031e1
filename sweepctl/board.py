"""The picture that `watch` draws: a header, and a row for each trial."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.progress_bar import ProgressBar

from service.schemas import SweepDetail, Trial
from sweepctl import text
from sweepctl.feed import Signals
from sweepctl.output import table
from sweepctl.sparks import scale_of, spark
from sweeps.lifecycle import TRIAL_ENDS, TrialState
from sweeps.result import Result

# Columns of the screen: what the words of a row take, a parameter, a bar, a good line of blocks,
# and the shortest and longest one.
_WORDS, _PARAMETER, _BAR, _LINE, _SHORTEST, _LONGEST = 70, 14, 16, 10, 5, 20
_FIRST = (TrialState.RUNNING, TrialState.PAUSED, TrialState.PENDING)


def board(
    sweep: SweepDetail,
    trials: Sequence[Trial],
    result: Result,
    signals: Signals,
    out: Console,
    height: int | None,
) -> RenderableType:
    """At most `height` trials, those that run first (None: all, by number), as wide as `out`."""
    shown = list(trials)
    if height is not None and len(shown) > height:
        shown = sorted(shown, key=_urgency)[:height]
        shown.sort(key=lambda one: one.number)
    names = list(dict.fromkeys(name for one in shown for name in one.params))
    lines = Lines(sweep, [one.number for one in shown], signals, out)
    # Bars and lines of blocks share what the words leave over.
    spare = out.width - _WORDS - _PARAMETER * len(names)
    bar, width = (_BAR, (spare - _BAR) // 2) if spare >= _BAR + 2 * _LINE else (0, spare // 2)
    width = max(_SHORTEST, min(width, _LONGEST))
    heads = ["trial", "state", *(["progress"] if bar else []), "", *names]
    made = table(*heads, "loss", "along it", "grad_norm", "along it", sweep.metric.name, "reason")
    for one in shown:
        done = progress(sweep, one)
        made.add_row(
            str(one.number),
            one.state.value,
            *([ProgressBar(total=1.0, completed=done, width=bar)] if bar else []),
            f"{100 * done:3.0f} %",
            *(text.parameter(one.params.get(name, "-")) for name in names),
            text.number(one.loss),
            lines.loss(one.number, width),
            text.number(one.grad_norm),
            lines.grad_norm(one.number, width),
            text.number(one.value),
            text.reason(one.reason),
        )
    parts: list[RenderableType] = [*header(sweep, result), lines.legend(), "", made]
    hidden = len(trials) - len(shown)
    return Group(*parts, *([f"and {hidden} more"] if hidden else []))


class Lines:
    """The signals of some trials as lines of blocks, each signal on one scale."""

    def __init__(
        self, sweep: SweepDetail, numbers: Sequence[int], signals: Signals, out: Console
    ) -> None:
        self._points = int(sweep.spec["spec"]["report"]["points"])
        self._plain = out.options.ascii_only
        # The feed writes into these from its own thread: look at copies.
        self._loss = {number: dict(signals.loss.get(number, {})) for number in numbers}
        self._norm = {number: dict(signals.grad_norm.get(number, {})) for number in numbers}
        self._linear = scale_of(v for curve in self._loss.values() for v in curve.values())
        self._log = scale_of((v for curve in self._norm.values() for v in curve.values()), log=True)

    def loss(self, number: int, width: int) -> str:
        """One trial's loss."""
        return spark(self._loss[number], self._points, width, self._linear, self._plain)

    def grad_norm(self, number: int, width: int) -> str:
        """One trial's gradient norm."""
        return spark(self._norm[number], self._points, width, self._log, self._plain)

    def legend(self) -> str:
        """What the rows of blocks stand for."""
        told = [
            f"{name} {text.number(scale.low)} to {text.number(scale.high)}{how}"
            for name, scale, how in (
                ("loss", self._linear, ""),
                ("grad_norm", self._log, ", log scale"),
            )
            if scale is not None
        ]
        lost = "x" if self._plain else "×"
        return f"lines: {'; '.join(told) or 'no reports yet'}; {lost} is not finite"


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
