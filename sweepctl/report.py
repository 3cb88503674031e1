"""`report`: what pruning promised and what its audits measured, over many sweeps."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import RenderableType

from service.schemas import PruningHistory
from sweepctl import text
from sweepctl.output import Format, Output, emit, table
from sweepctl.settings import connect


def report(
    ctx: typer.Context,
    project: Annotated[str | None, typer.Option(help="Only sweeps of this project.")] = None,
    limit: Annotated[
        int, typer.Option(min=1, max=200, help="Only the sweeps that ended last, so many.")
    ] = 200,
    output: Output = Format.TABLE,
) -> None:
    """How far the pruner's estimates of its risk came true, over the sweeps that are done."""
    with connect(ctx) as client:
        found = client.report_pruning(limit, project)
    emit(output, found, lambda wide: view(found, wide), [item.sweep_id for item in found.items])


def view(found: PruningHistory, wide: bool = False) -> list[RenderableType]:
    """A line for each sweep, and what they say together."""
    if not found.items:
        return ["No sweep that prunes is done yet."]
    names = ("sweep", "pruner", "trials", "condemned", "saved", "risk", "estimate")
    more = ("expected", "agreement") if wide else ()
    made = table(*names, "audits", "false kills", "rate", "95 %", *more)
    for item in found.items:
        one = item.report
        interval = f"{text.share(one.low)} to {text.share(one.high)}"
        made.add_row(
            item.name,
            one.pruner,
            str(one.trials),
            str(one.condemned),
            text.share(one.compute_saved),
            text.share(one.stated_risk),
            text.share(one.estimate),
            f"{one.finished} of {one.audited}",
            "-" if one.rate is None else str(one.false_kills),
            text.share(one.rate),
            "-" if one.rate is None else interval,
            *([text.share(one.expected), text.number(one.agreement)] if wide else []),
        )
    return [made, "", found.pooled.sentence]
