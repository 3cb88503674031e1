"""`backtest`: a pruner over recorded sweeps, beside its peers. Needs no service."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from sweepctl.exits import CliError, ExitCode
from sweepctl.output import Format, Output, emit


class Signal(StrEnum):
    """What `--drop` takes away."""

    METRIC = "metric"
    LOSS = "loss"
    GRAD_NORM = "grad_norm"


Folder = Annotated[
    Path, typer.Argument(help="A folder with runs.parquet or runs.csv.gz, and finals.csv.")
]
Learn = Annotated[
    list[Path],
    typer.Option(help="More folders for --leave-one-out to learn from. May be repeated."),
]
Drop = Annotated[
    list[Signal], typer.Option(help="Act as if this had not been recorded. May be repeated.")
]


def backtest(
    folder: Folder,
    pruner: Annotated[str, typer.Option(help="As in a spec, or one of the peers.")],
    risk: Annotated[str, typer.Option(help="One or several, a comma between.")] = "0.1",
    slots: Annotated[int, typer.Option(min=1, help="How many trials run at once.")] = 4,
    order_seeds: Annotated[
        int, typer.Option(min=1, help="Random orders in which the trials of a group are asked.")
    ] = 5,
    min_trials: Annotated[int, typer.Option(min=1, help="Leave out groups with fewer runs.")] = 6,
    audit: Annotated[
        float, typer.Option(min=0, max=1, help="Share of condemned trials that run on.")
    ] = 0.0,
    tolerance: Annotated[
        float, typer.Option(min=0, max=1, help="Regret up to which a trial counts as kept.")
    ] = 0.02,
    points: Annotated[int, typer.Option(min=1, max=1000, help="Decision points of a run.")] = 20,
    leave_one_out: Annotated[
        bool, typer.Option("--leave-one-out", help="Learn the prior on the other problems alone.")
    ] = False,
    learn: Learn = [],  # noqa: B006
    drop: Drop = [],  # noqa: B006
    reverse: Annotated[
        bool, typer.Option("--reverse", help="Turn the target's sign round.")
    ] = False,
    peers: Annotated[bool, typer.Option(help="The peers in the same table.")] = True,
    seed: Annotated[int, typer.Option(min=0, help="Of the orders and the bootstrap.")] = 0,
    jobs: Annotated[int, typer.Option(min=1, help="Processes that share the groups.")] = 1,
    output: Output = Format.TABLE,
) -> None:
    """What a pruner would have spent on recorded sweeps, and how far from the best it ends.

    Drives the code of a live sweep on a virtual clock. docs/backtest.md describes the folder and
    every figure.
    """
    # pyarrow reads the folder; it and numpy are for this command alone.
    from sweepctl import backtesting

    asked = backtesting.asked(pruner, risk, audit, peers)
    known = backtesting.read(folder, min_trials)
    groups = backtesting.changed(known, drop, reverse)
    settings = backtesting.Settings(slots, order_seeds, points, tolerance, seed, jobs)
    if leave_one_out:
        more = [group for one in learn for group in backtesting.read(one, min_trials)]
        found = backtesting.left_out(groups, [*known, *more], asked, settings)
    elif learn:
        raise CliError("--learn is for --leave-one-out", ExitCode.USAGE, "add --leave-one-out")
    else:
        found = backtesting.backtest(groups, asked, settings)
    names = [group.name for group in groups]
    emit(output, found, lambda wide: backtesting.view(found, wide), names)
