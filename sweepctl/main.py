"""`sweepctl`: every command, and the options they share."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from sweepctl import (
    about,
    control,
    demo,
    describe,
    doctor,
    environment,
    get,
    result,
    schema,
    sweeps,
    up,
    wait,
    watch,
    why,
)
from sweepctl.settings import Given
from sweepctl.shell import Group

app = typer.Typer(
    cls=Group,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Hyperparameter sweeps for fine-tuning small language models.\n\n"
    "Exit codes: 0 ok, 1 failed, 2 usage, 3 not found, 4 auth, 5 conflict, 124 timed out, "
    "130 Ctrl-C.",
)


@app.callback()
def options(
    ctx: typer.Context,
    server: Annotated[
        str | None, typer.Option(help="The service. Default: SWEEPCTL_SERVER, or the running `up`.")
    ] = None,
    token: Annotated[
        str | None, typer.Option(help="The token. Default: SWEEPCTL_TOKEN, or that of `up`.")
    ] = None,
) -> None:
    """Options of every command; they may stand anywhere on the line."""
    os.environ.update(environment.spared(os.environ))
    ctx.obj = Given(server, token)


app.command()(up.up)
app.command()(demo.demo)
app.command()(sweeps.create)
app.command()(sweeps.plan)
app.add_typer(get.app, name="get")
app.add_typer(describe.app, name="describe")
app.command()(watch.watch)
app.command()(why.why)
app.command()(result.result)
app.command()(control.stop)
app.command()(control.pause)
app.command()(control.resume)
app.command()(wait.wait)
app.command()(schema.schema)
app.add_typer(schema.app, name="presets")
app.command()(doctor.doctor)
app.command()(about.completion)
app.command()(about.version)
