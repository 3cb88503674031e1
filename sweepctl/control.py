"""`stop`, `pause`, `resume`: ask the sweep's driver for something."""

from __future__ import annotations

import typer

from service.schemas import Accepted
from sweepctl import resolve, text
from sweepctl.output import say
from sweepctl.settings import connect


def stop(ctx: typer.Context, ref: resolve.AnyRef) -> None:
    """Stop one trial, or a whole sweep for good."""
    with connect(ctx) as client:
        if resolve.is_trial(ref):
            trial = resolve.trial(client, ref)
            _tell(client.stop_trial(trial.id), trial.id, "stop")
        else:
            sweep = resolve.sweep(client, ref)
            _tell(client.cancel(sweep.id), sweep.id, "cancel")


def pause(ctx: typer.Context, sweep: resolve.SweepRef) -> None:
    """Save what runs and give the devices back."""
    with connect(ctx) as client:
        found = resolve.sweep(client, sweep)
        _tell(client.pause(found.id), found.id, "pause")


def resume(ctx: typer.Context, sweep: resolve.SweepRef) -> None:
    """Queue a paused sweep again; its trials go on where they were."""
    with connect(ctx) as client:
        found = resolve.sweep(client, sweep)
        _tell(client.resume(found.id), found.id, "resume")


def _tell(accepted: Accepted, identity: str, verb: str) -> None:
    print(identity)
    say(f"{verb} {text.short(identity)}: {text.outcome(accepted)}")
