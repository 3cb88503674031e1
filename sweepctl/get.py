"""`get sweeps | trials | pools`."""

from __future__ import annotations

from itertools import islice
from typing import Annotated

import typer

from sweepctl import resolve, tables
from sweepctl.exits import CliError, ExitCode
from sweepctl.output import Format, Output, emit, say
from sweepctl.settings import connect
from sweeps.lifecycle import SweepState, TrialState

app = typer.Typer(no_args_is_help=True, help="List sweeps, trials of a sweep, or pools.")

Limit = Annotated[int, typer.Option(min=1, help="The most to list.")]
State = Annotated[str | None, typer.Option(help="Only those in this state.")]


@app.command("sweeps")
def sweeps(
    ctx: typer.Context,
    output: Output = Format.TABLE,
    state: State = None,
    project: Annotated[str | None, typer.Option(help="Only those of this project.")] = None,
    limit: Limit = 100,
) -> None:
    """Sweeps, newest first."""
    wanted = _state(state, [one.value for one in SweepState])
    with connect(ctx) as client:
        found = list(islice(client.every_sweep(wanted, project), limit))
    if not found and output in (Format.TABLE, Format.WIDE):
        say("no sweeps; next: sweepctl create --preset quickstart")
        return
    emit(output, found, lambda wide: tables.sweeps(found, wide), [one.id for one in found])


@app.command("trials")
def trials(
    ctx: typer.Context,
    sweep: Annotated[str, typer.Argument(help="Id, unique prefix or name.")],
    output: Output = Format.TABLE,
    state: State = None,
    limit: Limit = 10_000,
) -> None:
    """A sweep's trials, by number."""
    wanted = _state(state, [one.value for one in TrialState])
    with connect(ctx) as client:
        owner = resolve.sweep(client, sweep)
        found = list(islice(client.every_trial(owner.id, wanted), limit))
    if not found and output in (Format.TABLE, Format.WIDE):
        say(f"no trials; the sweep is {owner.state}: {owner.message}")
        return
    emit(
        output,
        found,
        lambda wide: tables.trials(found, owner.metric.name, wide),
        [one.id for one in found],
    )


@app.command("pools")
def pools(ctx: typer.Context, output: Output = Format.TABLE) -> None:
    """Pools and their agents."""
    with connect(ctx) as client:
        found = client.pools().items
    if not found and output in (Format.TABLE, Format.WIDE):
        say("no pools: no agent has called yet; next: sweepctl up")
        return
    emit(output, found, lambda wide: tables.pools(found, wide), [one.name for one in found])


def _state(given: str | None, known: list[str]) -> str | None:
    if given is None or given.upper() in known:
        return given.upper() if given else None
    raise CliError(f"--state {given} is not one of {', '.join(known)}", ExitCode.USAGE)
