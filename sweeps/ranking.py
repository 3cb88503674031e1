"""The ranking of finished trials, with ties, and the rows beside it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from sweeps.audit import is_audit
from sweeps.configurations import Configuration, configurations, finite_final, mean
from sweeps.contest import Entrant, apart
from sweeps.drops import Panel, panel, scores_of
from sweeps.lifecycle import TRIAL_ENDS, StopReason, TrialState
from sweeps.metric import best_so_far, cost, final, ranked_by, value_at
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
    With unseen sets `mean` and `error` are those of the metric's unseen half, `final` and `stderr`
    of what was searched by.

    `drops` are how much worse than the base model the same runs are, by metric (`sweeps.drops`;
    negative: better). `over` names the limits of `max_drop` that they break, or cannot be shown to
    keep: such a configuration stands last and is never the best one. `audited`: the pruner had
    condemned its search run, which ran on to measure the pruner.
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
    drops: dict[str, float] = {}
    over: list[str] = []
    audited: bool = False


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

    `records` are the trials of all roles, by number. Those that break `max_drop` come last. Of the
    others those that were confirmed come first, because what is known of the rest was chosen for
    being good. The best shares its rank with all that `sweeps.contest` cannot tell from it; then
    the same again for the rest, so ranks run 1, 1, 3.
    """
    against, by = panel(spec, records, unseen=True), ranked_by(spec)
    found = [pair for one in configurations(spec, records) if (pair := _placed(spec, one, against))]
    ranked: list[Ranked] = []
    for over, confirmed in ((False, True), (False, False), (True, True), (True, False)):
        rows = [
            (row, entrant)
            for row, entrant in found
            if bool(row.over) is over and (row.basis == "confirm") is confirmed
        ]
        rows.sort(key=lambda pair: (cost(pair[0].mean, by), pair[0].trial))
        ranked += _in_groups(rows, len(ranked))
    return ranked


def eligible(ranking: Sequence[Ranked]) -> list[Ranked]:
    """Those that may win: they keep to every limit of `max_drop`."""
    return [row for row in ranking if not row.over]


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
    rows = []
    for record in records:
        if record.state == TrialState.DONE and (reason := _no_final(spec, record)):
            trial, value = record.trial, final(record, spec.spec.metric, spec.spec.report.points)
            row = Unranked(trial=trial.number, params=trial.params, final=value, reason=reason)
            rows.append(row)
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
        reason = _no_final(spec, record)
        return f"{reason}." if reason else ""
    return _why(record) if record.state in TRIAL_ENDS else ""


def _no_final(spec: SweepSpec, record: TrialRecord) -> str:
    """What a finished trial lacks to be compared; empty when nothing."""
    for metric in (spec.spec.metric, ranked_by(spec)):
        value = final(record, metric, spec.spec.report.points)
        if value is None:
            return f"{metric.name} was not reported at the last decision point"
        if not math.isfinite(value):
            return f"its final {metric.name} is not a finite number"
    return ""


def _why(record: TrialRecord) -> str:
    verdict = stop_verdict(record)
    if verdict is not None and record.state != TrialState.FAILED:
        return verdict.message
    if record.state == TrialState.FAILED:
        tries = len(record.attempts)
        return f"Gave up after {tries} attempt{'s' if tries != 1 else ''}: {record.reason}"
    return f"Stopped by {'its budget' if record.reason == 'budget' else 'the user'}."


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


def _placed(spec: SweepSpec, one: Configuration, against: Panel) -> tuple[Ranked, Entrant] | None:
    """The row of a configuration, not yet ranked, and what it enters the comparison with; None
    when no run of it can be compared: it has no finite number on the unseen sets."""
    by = ranked_by(spec)
    again = [run for run in one.confirmed if finite_final(spec, run, by) is not None]
    counting = again or [run for run in one.search if finite_final(spec, run, by) is not None]
    values = [v for run in counting if (v := finite_final(spec, run, by)) is not None]
    if not values:
        return None
    entrant = Entrant(tuple(values), _stderr(spec, counting[0], by))
    seconds = [sum(a.seconds for a in run.attempts) for run in [*one.search, *again]]
    scores = scores_of(counting)
    row = Ranked(
        trial=one.best.trial.number,
        params=one.best.trial.params,
        state=one.best.state,
        final=one.values[0],
        stderr=_stderr(spec, one.best, spec.spec.metric),
        rank=1,
        samples=one.best.reports[spec.spec.report.points].samples,
        seconds=mean(seconds),
        mean=entrant.mean,
        error=entrant.error,
        runs=len(entrant.values),
        basis="confirm" if again else ("seeds" if len(values) > 1 else "single"),
        confirmed=[run.trial.number for run in again],
        broken=sum(_broke(spec, run) for run in one.confirmed),
        drops=against.drops(scores),
        over=against.over(scores),
        audited=is_audit(one.best),
    )
    return row, entrant


def _stderr(spec: SweepSpec, record: TrialRecord, metric: Metric) -> float | None:
    last = record.reports[spec.spec.report.points]
    return value_at(last, f"{metric.name}_stderr")


def _broke(spec: SweepSpec, run: TrialRecord) -> bool:
    """True for a confirmation run that says something against its configuration."""
    if run.state == TrialState.STOPPED:
        return run.reason == StopReason.PRUNED  # by a guard: no pruner judges it
    return run.state == TrialState.DONE and finite_final(spec, run, ranked_by(spec)) is None
