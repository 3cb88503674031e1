"""The ranking of finished trials, with ties, and the rows beside it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from sweeps.configurations import Configuration, configurations, finite_final, mean
from sweeps.contest import Entrant, apart
from sweeps.lifecycle import TRIAL_ENDS, StopReason, TrialState
from sweeps.metric import best_so_far, cost, final, value_at
from sweeps.spec import Metric, SweepSpec
from sweeps.trial import Action, Params, TrialRecord, Verdict
from sweeps.wire import Wire


class Ranked(Wire):
    """A configuration that finished. Equal `rank` means: cannot be told apart.

    It is ranked by `mean` over `runs` runs, `error` being the standard error of that mean (of a
    single run: the evaluation's own; None: not known). `basis` says which runs those are: the
    search's `single` run, the several `seeds` of the search, or the runs that `confirm` it (the
    trials `confirmed`); the search run that chose it is then no part of the mean. `broken` counts
    the confirmation runs that a guard stopped or that ended without a finite metric.

    `trial` is its (best) search trial, `final` that one's metric at the horizon, `stderr` the
    standard error where the recipe reports one; `seconds` is the running time of a run, on average.
    """

    trial: int
    params: Params
    state: str
    final: float
    stderr: float | None
    rank: int
    samples: int
    seconds: float
    mean: float
    error: float | None = None
    runs: int = 1
    basis: Literal["single", "seeds", "confirm"] = "single"
    confirmed: list[int] = []
    broken: int = 0


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
    """Configurations with a finite final, best first, equal ones in the order asked.

    `records` are the trials of all roles, by number. Those that were confirmed come first, because
    what is known of the others was chosen for being good. The best shares its rank with all that
    `sweeps.contest` cannot tell from it; then the same again for the rest, so ranks run 1, 1, 3.
    """
    found = [_placed(spec, one) for one in configurations(spec, records)]
    ranked: list[Ranked] = []
    for stage in (True, False):
        rows = [pair for pair in found if (pair[0].basis == "confirm") is stage]
        rows.sort(key=lambda pair: (cost(pair[0].mean, spec.spec.metric), pair[0].trial))
        ranked += _in_groups(rows, len(ranked))
    return ranked


def as_good(ranking: Sequence[Ranked]) -> list[Ranked]:
    """Of those that share the first rank: all within one standard error of the best mean, the best
    among them. Without an error only those that equal it."""
    if not ranking:
        return []
    best = ranking[0]
    tied = [row for row in ranking if row.rank == best.rank]
    return [row for row in tied if abs(row.mean - best.mean) <= (best.error or 0.0)]


def unranked(spec: SweepSpec, records: Sequence[TrialRecord]) -> list[Unranked]:
    """Finished trials that `rank` leaves out, and why."""
    name, rows = spec.spec.metric.name, []
    for record in records:
        value = _final(spec, record)
        if record.state != TrialState.DONE or (value is not None and math.isfinite(value)):
            continue
        trial, reason = record.trial, _no_final(name, value)
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
            message=_why(record),
            point=last.point if last else 0,
            samples=last.samples if last else 0,
        )
        rows.append(row)
    return rows


def stop_verdict(record: TrialRecord) -> Verdict | None:
    """The verdict that stopped a trial, or None when it was not a verdict."""
    verdicts = [verdict for _, verdict in sorted(record.verdicts.items())]
    return verdicts[-1] if verdicts and verdicts[-1].action is Action.STOP else None


def why_ended(spec: SweepSpec, record: TrialRecord) -> str:
    """Why a trial has no final that can be compared; empty while it has not ended."""
    if record.state == TrialState.DONE:
        return f"{_no_final(spec.spec.metric.name, _final(spec, record))}."
    return _why(record) if record.state in TRIAL_ENDS else ""


def _no_final(name: str, value: float | None) -> str:
    if value is None:
        return f"{name} was not reported at the last decision point"
    return f"its final {name} is not a finite number"


def _why(record: TrialRecord) -> str:
    verdict = stop_verdict(record)
    if verdict is not None and record.state != TrialState.FAILED:
        return verdict.message
    if record.state == TrialState.FAILED:
        tries = len(record.attempts)
        return f"Gave up after {tries} attempt{'s' if tries != 1 else ''}: {record.reason}"
    return f"Stopped by {'its budget' if record.reason == 'budget' else 'the user'}."


def _final(spec: SweepSpec, record: TrialRecord) -> float | None:
    if record.state != TrialState.DONE:
        return None
    return final(record, spec.spec.metric, spec.spec.report.points)


def _in_groups(rows: list[tuple[Ranked, Entrant]], before: int) -> list[Ranked]:
    """The rows, sorted by mean, with their ranks; `before` rows have better ones."""
    ranks = dict[int, int]()
    left = rows
    while left:
        leader = left[0][1]
        tied = [row for row, entrant in left if not apart(leader, entrant)]
        ranks |= {row.trial: before + len(ranks) + 1 for row in tied}
        left = [pair for pair in left if pair[0].trial not in ranks]
    return [row.model_copy(update={"rank": ranks[row.trial]}) for row, _ in rows]


def _placed(spec: SweepSpec, one: Configuration) -> tuple[Ranked, Entrant]:
    """The row of a configuration, not yet ranked, and what it enters the comparison with."""
    finals = [
        (run, value) for run in one.confirmed if (value := finite_final(spec, run)) is not None
    ]
    again = [run for run, _ in finals]
    entrant = Entrant(tuple(one.values), _stderr(spec, one.best))
    if finals:
        entrant = Entrant(tuple(value for _, value in finals), _stderr(spec, again[0]))
    seconds = [sum(a.seconds for a in run.attempts) for run in [*one.search, *again]]
    row = Ranked(
        trial=one.best.trial.number,
        params=one.best.trial.params,
        state=one.best.state,
        final=one.values[0],
        stderr=_stderr(spec, one.best),
        rank=1,
        samples=one.best.reports[spec.spec.report.points].samples,
        seconds=mean(seconds),
        mean=entrant.mean,
        error=entrant.error,
        runs=len(entrant.values),
        basis="confirm" if finals else ("seeds" if len(one.values) > 1 else "single"),
        confirmed=[run.trial.number for run in again],
        broken=sum(_broke(spec, run) for run in one.confirmed),
    )
    return row, entrant


def _stderr(spec: SweepSpec, record: TrialRecord) -> float | None:
    last = record.reports[spec.spec.report.points]
    return value_at(last, f"{spec.spec.metric.name}_stderr")


def _broke(spec: SweepSpec, run: TrialRecord) -> bool:
    """True for a confirmation run that says something against its configuration."""
    if run.state == TrialState.STOPPED:
        return run.reason == StopReason.PRUNED  # by a guard: no pruner judges it
    return run.state == TrialState.DONE and finite_final(spec, run) is None
