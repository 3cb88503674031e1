"""`export curves`: sweeps as files for the simulator and the backtest."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sweepctl import completing, curves, resolve, text
from sweepctl.exits import CliError, ExitCode
from sweepctl.output import say
from sweepctl.settings import connect
from sweeps.trial import Role

app = typer.Typer(no_args_is_help=True, help="Write sweeps as files.")

Sweeps = Annotated[
    list[str],
    typer.Argument(
        metavar="SWEEP [...]",
        help="Ids, unique prefixes or names.",
        autocompletion=completing.sweeps,
    ),
]


@app.command("curves")
def curves_(
    ctx: typer.Context,
    sweeps: Sweeps,
    to: Annotated[
        Path | None, typer.Option("-o", "--to", help="The folder. Default: SWEEP-curves.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the files in it.")] = False,
) -> None:
    """Write runs.csv.gz and finals.csv: both signals and the metric at each decision point.

    Search trials only. A sweep that runs is written as far as it is. Prints the folder.
    """
    with connect(ctx) as client:
        found = [client.get_sweep(resolve.sweep(client, ref).id) for ref in sweeps]
        folder = to or Path(f"{found[0].name}-curves")
        there = [name for name in (curves.RUNS, curves.FINALS) if (folder / name).exists()]
        if there and not force:
            raise CliError(
                f"{folder} holds {' and '.join(there)} already",
                ExitCode.CONFLICT,
                f"sweepctl export curves {' '.join(sweeps)} --to ANOTHER, or --force",
            )
        recorded = [
            curves.Recorded(
                one,
                list(client.every_trial(one.id, role=Role.SEARCH.value)),
                client.every_report(one.id),
            )
            for one in {one.id: one for one in found}.values()
        ]
        written = curves.write(folder, recorded)
    print(folder)
    say(
        f"{text.count(written.points)} decision points of {text.count(written.trials)} trials "
        f"in {folder / curves.RUNS} and {curves.FINALS}"
    )
