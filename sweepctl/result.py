"""`result`: the ranking, what was stopped and why, what it saved."""

from __future__ import annotations

import typer
from rich.console import RenderableType

from sweepctl import beside, resolve, text
from sweepctl.output import Format, Output, emit, facts, table
from sweepctl.settings import connect
from sweeps.pruning_report import PruningReport, tells
from sweeps.result import Result
from sweeps.trial import trial_id


def result(
    ctx: typer.Context,
    sweep: resolve.SweepRef,
    output: Output = Format.TABLE,
) -> None:
    """The ranking as it stands, also while the sweep runs. `-o name`: trials, best first."""
    with connect(ctx) as client:
        owner = resolve.sweep(client, sweep)
        found = client.result(owner.id)
    names = [trial_id(owner.id, row.trial) for row in found.ranking]
    emit(output, found, lambda wide: view(found, wide), names)


def view(found: Result, wide: bool = False) -> list[RenderableType]:
    """Recommendation, pruning, ranking, stopped trials, notes."""
    rows = [
        ("Metric", f"{found.metric.name}, {found.metric.goal}"),
        ("Trials", text.states(found.counts)),
        ("Samples run", text.count(found.samples_run)),
        ("Compute saved", text.share(found.compute_saved)),
    ]
    if found.ranked_by is not None and found.ranked_by != found.metric.name:
        rows.insert(1, ("Ranked by", f"{found.ranked_by}, at the end alone"))
    if limits := beside.limits(found):
        rows.insert(1, ("Largest drop", limits))
    if found.samples_beside:
        rows.insert(-1, ("Samples beside it", beside.samples(found)))
    parts: list[RenderableType] = [facts(rows), "", found.recommendation]
    if found.pruning is not None and tells(found.pruning):
        parts += ["", facts(pruning(found.pruning)), found.pruning.sentence]
    if found.ranking:
        parts += ["", ranking(found, wide)]
    if found.beside:
        parts += ["", beside.view(found, wide)]
    if found.stopped:
        parts += ["", stopped(found)]
    if found.best_so_far and wide:
        parts += ["", _unfinished(found)]
    return parts + (["", *(f"- {note}" for note in found.notes)] if found.notes else [])


def pruning(found: PruningReport) -> list[tuple[str, str]]:
    """What pruning promised and what its audits measured, as far as there is any."""
    measured = f"{found.false_kills} of {found.finished}, {text.share(found.rate)}"
    interval = f"{text.share(found.low)} to {text.share(found.high)}"
    ran = f" ({found.audited} ran on as audits)" if found.audited else ""
    rows = [
        ("Pruner", found.pruner),
        ("Condemned", f"{found.condemned} of {found.trials}{ran}"),
        ("Risk asked for", text.share(found.stated_risk)),
        ("Risk estimated", text.share(found.estimate)),
        ("False kills", "-" if found.rate is None else f"{measured} (95 % {interval})"),
        ("Signals agree", text.number(found.agreement)),
    ]
    return [row for row in rows if row[1] != "-"]


def ranking(found: Result, wide: bool = False) -> RenderableType:
    """Configurations that finished, best first, by their means. Equal ranks cannot be told apart.

    An audit is a run that the pruner had condemned.
    Where runs were repeated: how many, and the run of the search, which is no part of the mean once
    there are confirmation runs. Where unseen sets rank: the value that the search went by. Drops
    against the base model stand there for limits, `wide` for all that was measured.
    """
    names = list(dict.fromkeys(name for row in found.ranking for name in row.params))
    more = ("samples", "seconds") if wide else ()
    again = any(row.basis != "single" for row in found.ranking)
    runs = ("runs", "search run") if again else ()
    by = found.ranked_by or found.metric.name
    searched = (found.metric.name,) if by != found.metric.name and not again else ()
    lost = beside.drop_names(found, wide)
    drops = [f"drop of {name}" for name in lost]
    heads = ("rank", "trial", by, "stderr", *searched, *runs, *drops, *names, *more)
    made = table(*heads)
    for row in found.ranking:
        made.add_row(
            f"{row.rank} (over)" if row.over else str(row.rank),
            f"{row.trial} (audit)" if row.audited else str(row.trial),
            text.number(row.mean),
            text.number(row.error),
            *([text.number(row.final)] if searched else []),
            *([str(row.runs), text.number(row.final)] if again else []),
            *beside.drops(row.drops, lost),
            *(text.parameter(row.params.get(name, "-")) for name in names),
            *([text.count(row.samples), f"{row.seconds:.1f}"] if wide else []),
        )
    return made


def stopped(found: Result) -> RenderableType:
    """Trials that were stopped or failed, with the reason."""
    made = table("stopped", "reason", "at point", "samples", "why")
    for row in found.stopped:
        made.add_row(
            str(row.trial), row.reason, str(row.point), text.count(row.samples), row.message
        )
    return made


def _unfinished(found: Result) -> RenderableType:
    made = table("unfinished", "state", f"best {found.metric.name} so far", "at point", "samples")
    for row in found.best_so_far:
        made.add_row(
            str(row.trial),
            row.state,
            text.number(row.best_so_far),
            str(row.point),
            text.count(row.samples),
        )
    return made
