"""`wait`: return when a sweep is where it should be."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Annotated

import typer

from service.client import Client
from service.schemas import Sweep
from sweepctl import resolve, text
from sweepctl.exits import CliError, ExitCode
from sweepctl.output import say
from sweepctl.settings import connect
from sweeps.lifecycle import SWEEP_ENDS, SWEEP_MOVES, SweepState
from sweeps.spec import seconds_of

_POLL = 0.5
_STATES = {state.value.lower(): frozenset({state}) for state in SweepState} | {"ended": SWEEP_ENDS}


def wait(
    ctx: typer.Context,
    sweep: resolve.SweepRef,
    for_: Annotated[
        str,
        typer.Option(
            "--for",
            help=f"What to wait for: {', '.join(_STATES)}.",
            autocompletion=lambda: list(_STATES),
        ),
    ] = "done",
    timeout: Annotated[
        str | None, typer.Option(help="Longest time, e.g. 10m; exit code 124.")
    ] = None,
) -> None:
    """Return when a sweep is done (or --for another state)."""
    wanted = _STATES.get(for_.lower())
    if wanted is None:
        raise CliError(
            f"--for={for_} is not one of {', '.join(_STATES)}", ExitCode.USAGE, "write --for=done"
        )
    deadline = until(timeout)
    with connect(ctx) as client:
        found = resolve.sweep(client, sweep)
        end = _poll(client, found.id, deadline, lambda now: _settled(now.state, wanted))
    say(f"sweep {text.short(end.id)} is {end.state}")
    if end.state not in wanted:
        raise CliError(
            f"it will not become {' or '.join(sorted(wanted))}: {end.message or 'no message'}",
            ExitCode.FAILED,
            f"sweepctl describe sweep {text.short(end.id)}",
        )


def until(timeout: str | None) -> float | None:
    """The deadline on the monotonic clock for `10m`, None for no limit. Raises CliError."""
    if timeout is None:
        return None
    try:
        return time.monotonic() + seconds_of(timeout)
    except ValueError as error:
        raise CliError(
            f"--timeout {timeout}: {error}", ExitCode.USAGE, "write e.g. --timeout 10m"
        ) from None


def until_end(client: Client, sweep_id: str, deadline: float | None) -> Sweep:
    """The sweep, once it has ended. Raises CliError (124) at the deadline."""
    return _poll(client, sweep_id, deadline, lambda now: now.state in SWEEP_ENDS)


def _poll(
    client: Client, sweep_id: str, deadline: float | None, enough: Callable[[Sweep], bool]
) -> Sweep:
    last: SweepState | None = None
    while True:
        now = client.get_sweep(sweep_id)
        if enough(now):
            return now
        if now.state is SweepState.PAUSED and now.state is not last:
            say(f"it is paused; next: sweepctl resume {text.short(sweep_id)}")
        last = now.state
        left = _POLL if deadline is None else min(_POLL, deadline - time.monotonic())
        if left <= 0:
            raise CliError(
                f"timed out; sweep {text.short(sweep_id)} is still {now.state}",
                ExitCode.TIMED_OUT,
                f"sweepctl watch {text.short(sweep_id)}",
            )
        time.sleep(left)


def _settled(state: SweepState, wanted: frozenset[SweepState]) -> bool:
    """True when the state is a wanted one, or none of them can be reached without a retry."""
    reachable: set[SweepState] = set()
    wave = {state}
    while wave:
        reachable |= wave
        open_ones = wave - SWEEP_ENDS
        wave = {onward for one in open_ones for onward in SWEEP_MOVES[one]} - reachable
    return state in wanted or not (reachable & wanted)
