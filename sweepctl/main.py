"""`sweepctl`: every command, and the options they share."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from sweepctl import (
    about,
    backtest,
    compare,
    completing,
    context,
    control,
    demo,
    describe,
    doctor,
    environment,
    export,
    get,
    report,
    result,
    retry,
    schema,
    setting,
    sweeps,
    up,
    wait,
    watch,
    why,
)
from sweepctl.output import writable
from sweepctl.settings import Given
from sweepctl.shell import Group

# The headings of `sweepctl --help`.
RUN, LOOK, STEER, SPEC, HERE = (
    "Run a sweep",
    "Look at sweeps and trials",
    "Steer a sweep",
    "Write a spec",
    "This machine and its services",
)

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
        str | None, typer.Option(help="The service. Default: SWEEPCTL_SERVER, then the context.")
    ] = None,
    token: Annotated[
        str | None, typer.Option(help="The token. Default: SWEEPCTL_TOKEN, then the context's.")
    ] = None,
    context: Annotated[
        str | None,
        typer.Option(
            help="A named service. Default: SWEEPCTL_CONTEXT, then `context use`, then the "
            "running `up`.",
            autocompletion=completing.context_names,
        ),
    ] = None,
) -> None:
    """Options of every command; they may stand anywhere on the line."""
    os.environ.update(environment.spared(os.environ))
    writable()
    ctx.obj = Given(server, token, context)


app.command(rich_help_panel=RUN)(up.up)
app.command(rich_help_panel=RUN)(demo.demo)
app.command(rich_help_panel=RUN)(sweeps.create)
app.command(rich_help_panel=RUN)(sweeps.plan)
app.command(rich_help_panel=RUN)(wait.wait)
app.add_typer(get.app, name="get", rich_help_panel=LOOK)
app.add_typer(describe.app, name="describe", rich_help_panel=LOOK)
app.command(rich_help_panel=LOOK)(watch.watch)
app.command(rich_help_panel=LOOK)(why.why)
app.command(rich_help_panel=LOOK)(result.result)
app.command(rich_help_panel=LOOK)(report.report)
app.command(rich_help_panel=LOOK)(compare.compare)
app.add_typer(export.app, name="export", rich_help_panel=LOOK)
app.command(rich_help_panel=STEER)(control.stop)
app.command(rich_help_panel=STEER)(control.pause)
app.command(rich_help_panel=STEER)(control.resume)
app.command(rich_help_panel=STEER)(retry.retry)
app.command(name="set", rich_help_panel=STEER)(setting.set_)
app.command(rich_help_panel=SPEC)(schema.schema)
app.add_typer(schema.app, name="presets", rich_help_panel=SPEC)
app.command(rich_help_panel=SPEC)(backtest.backtest)
app.add_typer(context.app, name="context", rich_help_panel=HERE)
app.command(rich_help_panel=HERE)(doctor.doctor)
app.command(rich_help_panel=HERE)(about.completion)
app.command(rich_help_panel=HERE)(about.version)
