"""The ranking of finished trials, with ties, and the rows beside it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from sweeps.lifecycle import TrialState
from sweeps.metric import best_so_far, cost, final, value_at
from sweeps.spec import Metric, SweepSpec
from sweeps.trial import Action, Params, TrialRecord, Verdict
from sweeps.wire import Wire


class Ranked(Wire):
    """A finished trial. Equal `rank` means: cannot be told apart. `final` is the metric at the
    horizon, `stderr` its standard error where the recipe reports one; `seconds` is running time."""

    trial: int
    params: Params
    state: str
    final: float
    stderr: float | None
    rank: int
    samples: int
    seconds: float


class Unranked(Wire):
    """A trial that finished without a final that can be compared."""

    trial: int
    params: Params
    final: float | None
    reason: str


class Standing(Wire):
    """A trial that has not finished: its best value so far, which is no final."""

    trial: int
    params: Params
    state: str
    best_so_far: float
    point: int
    samples: int


class Stopped(Wire):
    """A trial that was stopped or failed: the reason in a word, and the sentence behind it."""

    trial: int
    params: Params
    state: str
    reason: str
    message: str
    point: int
    samples: int


def rank(spec: SweepSpec, records: Sequence[TrialRecord]) -> list[Ranked]:
    """Finished trials with a finite final, best first, equal ones in the order asked.

    A trial shares the rank of the best of its group when the two finals are equal, or differ by at
    most one standard error of that best (`<metric>_stderr`). Ranks run 1, 1, 3.
    """
    metric = spec.spec.metric
    rows = [
        _ranked(spec, record, value)
        for record in records
        if (value := _final(spec, record)) is not None and math.isfinite(value)
    ]
    rows.sort(key=lambda row: (cost(row.final, metric), row.trial))
    ranked: list[Ranked] = []
    for place, row in enumerate(rows, start=1):
        leader = ranked[ranked[-1].rank - 1] if ranked else row
        tied = abs(leader.final - row.final) <= _error(leader)
        ranked.append(row.model_copy(update={"rank": leader.rank if ranked and tied else place}))
    return ranked


def unranked(spec: SweepSpec, records: Sequence[TrialRecord]) -> list[Unranked]:
    """Finished trials that `rank` leaves out, and why."""
    name, rows = spec.spec.metric.name, []
    for record in records:
        value = _final(spec, record)
        if record.state != TrialState.DONE or (value is not None and math.isfinite(value)):
            continue
        reason = (
            f"{name} was not reported at the last decision point"
            if value is None
            else f"its final {name} is not a finite number"
        )
        trial = record.trial
        rows.append(Unranked(trial=trial.number, params=trial.params, final=value, reason=reason))
    return rows


def standings(metric: Metric, records: Sequence[TrialRecord]) -> list[Standing]:
    """Trials that measured the metric and did not finish (yet), best so far first."""
    rows = []
    for record in records:
        value, last = best_so_far(record, metric), record.last_report
        if record.state == TrialState.DONE or value is None or last is None:
            continue
        row = Standing(
            trial=record.trial.number,
            params=record.trial.params,
            state=record.state,
            best_so_far=value,
            point=last.point,
            samples=last.samples,
        )
        rows.append(row)
    return sorted(rows, key=lambda row: (cost(row.best_so_far, metric), row.trial))


def stopped(records: Sequence[TrialRecord]) -> list[Stopped]:
    """Trials that were stopped or failed, in the order asked."""
    rows = []
    for record in records:
        if record.state not in (TrialState.STOPPED, TrialState.FAILED):
            continue
        verdict, last = stop_verdict(record), record.last_report
        failed = record.state == TrialState.FAILED
        reason = verdict.reason if verdict else (record.reason or "user")
        row = Stopped(
            trial=record.trial.number,
            params=record.trial.params,
            state=record.state,
            reason="failed" if failed else reason,
            message=verdict.message if verdict and not failed else _why(record),
            point=last.point if last else 0,
            samples=last.samples if last else 0,
        )
        rows.append(row)
    return rows


def stop_verdict(record: TrialRecord) -> Verdict | None:
    """The verdict that stopped a trial, or None when it was not a verdict."""
    verdicts = [verdict for _, verdict in sorted(record.verdicts.items())]
    return verdicts[-1] if verdicts and verdicts[-1].action is Action.STOP else None


def _why(record: TrialRecord) -> str:
    if record.state == TrialState.FAILED:
        tries = len(record.attempts)
        return f"Gave up after {tries} attempt{'s' if tries != 1 else ''}: {record.reason}"
    return f"Stopped by {'its budget' if record.reason == 'budget' else 'the user'}."


def _final(spec: SweepSpec, record: TrialRecord) -> float | None:
    if record.state != TrialState.DONE:
        return None
    return final(record, spec.spec.metric, spec.spec.report.points)


def _ranked(spec: SweepSpec, record: TrialRecord, value: float) -> Ranked:
    last = record.reports[spec.spec.report.points]
    return Ranked(
        trial=record.trial.number,
        params=record.trial.params,
        state=record.state,
        final=value,
        stderr=value_at(last, f"{spec.spec.metric.name}_stderr"),
        rank=1,
        samples=last.samples,
        seconds=sum(attempt.seconds for attempt in record.attempts),
    )


def _error(row: Ranked) -> float:
    return row.stderr if row.stderr is not None and math.isfinite(row.stderr) else 0.0
