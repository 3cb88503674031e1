"""Trials side by side: pure, from what the service said of each."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from service.schemas import SweepDetail, TrialDetail
from sweeps.metric import best_so_far, final, value_at
from sweeps.result import samples_run
from sweeps.spec import Metric
from sweeps.trial import AttemptRecord, Params, Role, Trial, TrialRecord
from sweeps.wire import Wire


class TrialSide(Wire):
    """One of the trials. `final` is the metric at the horizon (None before it), `stderr` its
    standard error where the recipe reports one, `best` the best that was measured at any point;
    `samples_run` counts all attempts, lost ones too; `seconds` is running time."""

    ref: str
    id: str
    sweep_id: str
    number: int
    state: str
    reason: str | None
    params: Params
    role: Role
    metric: Metric
    final: float | None
    stderr: float | None
    best: float | None
    samples: int
    samples_run: int
    seconds: float


class Mark(Wire):
    """One decision point: what each trial said there, None where it said nothing.

    `share` of the horizon; `samples` of it, None where nobody counted the horizon in samples.
    """

    share: float
    samples: int | None
    loss: list[float | None]
    grad_norm: list[float | None]
    metric: list[float | None]


class TrialComparison(Wire):
    """`differ` are the names of parameters that are not the same in all, `common` the others;
    `marks` are in order; `notes` are sentences for a person."""

    trials: list[TrialSide]
    differ: list[str]
    common: Params
    marks: list[Mark]
    notes: list[str]


def compare_trials(trials: Sequence[TrialDetail], sweeps: Sequence[SweepDetail]) -> TrialComparison:
    """`sweeps[i]` is the sweep of `trials[i]`."""
    records = [_record(trial) for trial in trials]
    sides = [_side(*three) for three in zip(trials, sweeps, records, strict=True)]
    names = list(dict.fromkeys(name for side in sides for name in side.params))
    differ = [name for name in names if not _same([side.params.get(name) for side in sides])]
    common = {name: sides[0].params[name] for name in names if name not in differ}
    marks, notes = _marks(records, sweeps)
    if len({(side.metric.name, side.metric.goal) for side in sides}) > 1:
        notes.append("The sweeps have different metrics; their values cannot be compared.")
    return TrialComparison(trials=sides, differ=differ, common=common, marks=marks, notes=notes)


def _record(trial: TrialDetail) -> TrialRecord:
    attempts = [
        AttemptRecord(one.number, one.ended, one.samples, one.seconds, one.error)
        for one in trial.history
    ]
    return TrialRecord(
        Trial(trial.number, trial.params, trial.role, trial.seed),
        trial.state,
        trial.reason,
        reports={line.report.point: line.report for line in trial.reports},
        attempts=attempts,
    )


def _side(trial: TrialDetail, sweep: SweepDetail, record: TrialRecord) -> TrialSide:
    points = _points(sweep)
    done = trial.state == "DONE"
    last = record.reports.get(points)
    return TrialSide(
        ref=f"{sweep.name}/{trial.number}",
        id=trial.id,
        sweep_id=trial.sweep_id,
        number=trial.number,
        state=trial.state,
        reason=trial.reason,
        params=trial.params,
        role=trial.role,
        metric=sweep.metric,
        final=final(record, sweep.metric, points) if done else None,
        stderr=value_at(last, f"{sweep.metric.name}_stderr") if done and last else None,
        best=best_so_far(record, sweep.metric),
        samples=trial.samples,
        samples_run=samples_run(record),
        seconds=sum(attempt.seconds for attempt in record.attempts),
    )


def _marks(
    records: Sequence[TrialRecord], sweeps: Sequence[SweepDetail]
) -> tuple[list[Mark], list[str]]:
    """Points that lie at the same samples; when horizons differ, those that coincide."""
    horizons = [_horizon(sweep) for sweep in sweeps]
    alike = len({(_points(sweep), _horizon(sweep)) for sweep in sweeps})
    one_sweep = len({sweep.id for sweep in sweeps}) == 1
    if None in horizons and not one_sweep:
        return [], ["A horizon in epochs: points of different sweeps lie at different samples."]
    keyed = [
        {
            Fraction(point * (horizon or 1), _points(sweep)): report
            for point, report in record.reports.items()
        }
        for record, sweep, horizon in zip(records, sweeps, horizons, strict=True)
    ]
    # Fractions of a horizon when nobody counted it in samples.
    whole = max(horizon or 1 for horizon in horizons)
    found = sorted({key for side in keyed for key in side})
    if alike > 1:
        found = [key for key in found if sum(key in side for side in keyed) > 1]
    marks = []
    for key in found:
        reports = [side.get(key) for side in keyed]
        windows = [report.window if report else None for report in reports]
        mark = Mark(
            share=float(key / whole),
            samples=None if None in horizons else round(key),
            loss=[window.loss.value if window and window.loss else None for window in windows],
            grad_norm=[
                window.grad_norm.value if window and window.grad_norm else None
                for window in windows
            ],
            metric=[
                value_at(report, sweep.metric.name) if report else None
                for report, sweep in zip(reports, sweeps, strict=True)
            ],
        )
        marks.append(mark)
    unlike = ["The horizons differ: only points at equal samples are shown."] if alike > 1 else []
    return marks, unlike


def _points(sweep: SweepDetail) -> int:
    return int(sweep.spec["spec"]["report"]["points"])


def _horizon(sweep: SweepDetail) -> int | None:
    samples = sweep.spec["spec"]["horizon"].get("samples")
    return int(samples) if samples else None


def _same(values: Sequence[object]) -> bool:
    return all(value == values[0] and type(value) is type(values[0]) for value in values)
