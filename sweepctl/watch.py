"""`watch`: a sweep as it runs, until it has ended."""

from __future__ import annotations

import os
import sys
import time

import typer
from rich.live import Live

from service.client import Client
from sweepctl import resolve, text
from sweepctl.board import board
from sweepctl.events import line
from sweepctl.exits import CliError, ExitCode
from sweepctl.feed import Feed
from sweepctl.output import console, say
from sweepctl.settings import connect
from sweeps.lifecycle import SWEEP_ENDS, SweepState

# Seconds between two pictures: at least, however much happens, and at most, though nothing does.
_PACE, _PATIENCE = 1.0, 10.0


def watch(
    ctx: typer.Context,
    sweep: resolve.SweepRef,
) -> None:
    """Follow a sweep: a live table on a terminal, one line an event anywhere else.

    The lines of blocks are loss and gradient norm along the horizon, on one scale for all trials;
    that of the gradient norm is logarithmic. Ctrl-C ends the watching, not the sweep.
    """
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
    # A dumb terminal cannot go back to the top of a table.
    drawing = sys.stdout.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")
    try:
        if drawing:
            _live(client, sweep_id)
        else:
            _lines(client, sweep_id)
    except KeyboardInterrupt:
        short = text.short(sweep_id)
        say(f"sweep {short} goes on without being watched")
        say(f"next: sweepctl watch {short}, or sweepctl stop {short}")
        raise


def _live(client: Client, sweep_id: str) -> None:
    out = console()
    with (
        Feed(client, sweep_id) as feed,
        Live(console=out, auto_refresh=False, vertical_overflow="crop") as live,
    ):
        while True:
            began = time.monotonic()
            now = client.get_sweep(sweep_id)
            trials = list(client.every_trial(sweep_id))
            ended = now.state in SWEEP_ENDS
            if ended:
                feed.finish(_PATIENCE)
            # The last picture stays on the screen, so it may be as long as it is.
            height = None if ended else max(5, out.height - 6)
            live.vertical_overflow = "visible" if ended else "crop"
            picture = board(now, trials, client.result(sweep_id), feed.signals, out, height)
            live.update(picture, refresh=True)
            if ended:
                return
            feed.wait(_PATIENCE)
            time.sleep(max(0.0, began + _PACE - time.monotonic()))


def _lines(client: Client, sweep_id: str) -> None:
    for event in client.events(sweep_id):
        print(line(event), flush=True)
