"""`result`: the ranking, what was stopped and why, what it saved."""

from __future__ import annotations

import typer
from rich.console import RenderableType

from sweepctl import resolve, text
from sweepctl.output import Format, Output, emit, facts, table
from sweepctl.settings import connect
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
    """Recommendation, ranking, stopped trials, notes."""
    rows = [
        ("Metric", f"{found.metric.name}, {found.metric.goal}"),
        ("Trials", text.states(found.counts)),
        ("Samples run", text.count(found.samples_run)),
        ("Compute saved", text.share(found.compute_saved)),
    ]
    parts: list[RenderableType] = [facts(rows), "", found.recommendation]
    if found.ranking:
        parts += ["", ranking(found, wide)]
    if found.stopped:
        parts += ["", stopped(found)]
    if found.best_so_far and wide:
        parts += ["", _unfinished(found)]
    return parts + (["", *(f"- {note}" for note in found.notes)] if found.notes else [])


def ranking(found: Result, wide: bool = False) -> RenderableType:
    """Finished trials, best first. Equal ranks cannot be told apart."""
    names = list(dict.fromkeys(name for row in found.ranking for name in row.params))
    more = ("samples", "seconds") if wide else ()
    made = table("rank", "trial", found.metric.name, "stderr", *names, *more)
    for row in found.ranking:
        made.add_row(
            str(row.rank),
            str(row.trial),
            text.number(row.final),
            text.number(row.stderr),
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
