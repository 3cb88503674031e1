"""`watch`: a sweep as it runs, until it has ended."""

from __future__ import annotations

import sys
import time
from typing import Annotated

import typer
from rich.live import Live

from service.client import Client
from sweepctl import resolve, text
from sweepctl.board import board
from sweepctl.events import line
from sweepctl.exits import CliError, ExitCode
from sweepctl.output import console
from sweepctl.settings import connect
from sweeps.lifecycle import SWEEP_ENDS, SweepState

_POLL = 1.0


def watch(
    ctx: typer.Context,
    sweep: Annotated[str, typer.Argument(help="Id, unique prefix or name.")],
) -> None:
    """Follow a sweep: a live table on a terminal, one line an event anywhere else."""
    with connect(ctx) as client:
        found = resolve.sweep(client, sweep)
        follow(client, found.id)
        end = client.get_sweep(found.id)
    if end.state is SweepState.FAILED:
        raise CliError(
            f"sweep {text.short(end.id)} failed: {end.message or 'no message'}",
            ExitCode.FAILED,
            f"sweepctl describe sweep {text.short(end.id)}",
        )


def follow(client: Client, sweep_id: str) -> None:
    """Show the sweep until it has ended."""
    if sys.stdout.isatty():
        _live(client, sweep_id)
    else:
        _lines(client, sweep_id)


def _live(client: Client, sweep_id: str) -> None:
    out = console()
    with Live(console=out, auto_refresh=False, vertical_overflow="crop") as live:
        while True:
            now = client.get_sweep(sweep_id)
            trials = list(client.every_trial(sweep_id))
            ended = now.state in SWEEP_ENDS
            # The last picture stays on the screen, so it may be as long as it is.
            height = None if ended else max(5, out.height - 5)
            live.vertical_overflow = "visible" if ended else "crop"
            live.update(board(now, trials, client.result(sweep_id), height), refresh=True)
            if ended:
                return
            time.sleep(_POLL)


def _lines(client: Client, sweep_id: str) -> None:
    for event in client.events(sweep_id):
        print(line(event), flush=True)
