"""`retry`: run again what failed."""

from __future__ import annotations

import typer

from service.errors import Conflict
from sweepctl import resolve, text
from sweepctl.exits import CliError, ExitCode
from sweepctl.output import say
from sweepctl.settings import connect


def retry(ctx: typer.Context, ref: resolve.AnyRef) -> None:
    """Run a failed trial again, or all failed trials of a sweep. Exit code 5 when none failed.

    A sweep that has ended is queued again; what its other trials found stays.
    """
    with connect(ctx) as client:
        one = resolve.trial(client, ref) if resolve.is_trial(ref) else None
        sweep_id = one.sweep_id if one else resolve.sweep(client, ref).id
        sweep = text.short(sweep_id)
        try:
            accepted = client.retry_trial(one.id) if one else client.retry_sweep(sweep_id)
        except Conflict as error:
            look = f"why {sweep}/{one.number}" if one else f"get trials {sweep}"
            raise CliError(error.detail, ExitCode.CONFLICT, f"sweepctl {look}") from None
    print(one.id if one else sweep_id)
    what = f"trial {one.number} of {sweep}" if one else f"what failed of {sweep}"
    say(f"retry {what}: {text.outcome(accepted)}")
    say(f"next: sweepctl watch {sweep}")
