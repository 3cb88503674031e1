"""`create` and `plan`: from a spec file to the service."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from service.errors import Invalid
from service.schemas import SweepDetail
from sweepctl import completing, planned, text
from sweepctl.exits import CliError, ExitCode
from sweepctl.localpaths import localize, present
from sweepctl.output import Format, Output, emit, say
from sweepctl.settings import connect, target_of
from sweepctl.specfile import SpecFile, load, override
from sweepctl.wait import until, until_end
from sweepctl.watch import follow
from sweeps.lifecycle import SweepState

File = Annotated[
    str | None, typer.Option("-f", "--filename", help="A spec in YAML or JSON; - is stdin.")
]
Preset = Annotated[
    str | None,
    typer.Option(
        "--preset",
        help="A shipped spec; see `sweepctl presets list`.",
        autocompletion=completing.presets,
    ),
]
Set = Annotated[
    list[str],
    typer.Option(
        "--set",
        metavar="PATH=VALUE",
        help="Override a field of `spec:`, e.g. parameters.learning_rate.values='[1e-4]'.",
        default_factory=list,
        show_default=False,
    ),
]
Name = Annotated[str | None, typer.Option("--name", help="Override metadata.name.")]
DataRoot = Annotated[
    Path | None,
    typer.Option(
        "--data-root",
        help="Where relative paths start from. Default: the folder of the file; "
        "the current one for --preset and stdin.",
    ),
]


def create(
    ctx: typer.Context,
    settings: Set,
    filename: File = None,
    preset: Preset = None,
    name: Name = None,
    data_root: DataRoot = None,
    idempotency_key: Annotated[
        str | None, typer.Option(help="Repeating the command with the same key creates once.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Return when the sweep has ended.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Watch it until it has ended.")] = False,
    timeout: Annotated[
        str | None, typer.Option(help="Longest time for --wait, e.g. 10m; exit code 124.")
    ] = None,
) -> None:
    """Submit a sweep. Prints its id."""
    deadline = until(timeout)
    spec = _checked(load(filename, preset, data_root), settings, name)
    localize(spec, target_of(ctx), say)
    with connect(ctx) as client:
        try:
            made = client.create_sweep(spec.data, idempotency_key)
        except Invalid as error:
            raise spec.refused(error) from None
        print(made.id, flush=True)
        _tell(made)
        if watch:
            follow(client, made.id)
        if wait or watch:
            end = until_end(client, made.id, deadline)
            if end.state is not SweepState.DONE:
                raise CliError(
                    f"sweep {text.short(end.id)} ended {end.state}: {end.message or 'no message'}",
                    ExitCode.FAILED,
                    f"sweepctl describe sweep {text.short(end.id)}",
                )


def plan(
    ctx: typer.Context,
    settings: Set,
    filename: File = None,
    preset: Preset = None,
    name: Name = None,
    data_root: DataRoot = None,
    output: Output = Format.TABLE,
) -> None:
    """What a spec would run and cost. Nothing is created."""
    spec = _checked(load(filename, preset, data_root), settings, name, cells=False)
    localize(spec, target_of(ctx), say)
    with connect(ctx) as client:
        try:
            found = client.plan(spec.data)
        except Invalid as error:
            raise spec.refused(error) from None
    emit(output, found, lambda wide: planned.view(found, wide), [spec.data["metadata"]["name"]])


def _checked(
    spec: SpecFile, settings: list[str], name: str | None, *, cells: bool = True
) -> SpecFile:
    """All that can be said against a spec here, before any service is looked for."""
    override(spec, settings, name)
    spec.checked(cells=cells)
    present(spec)
    return spec


def _tell(made: SweepDetail) -> None:
    identity = text.short(made.id)
    said = f": {made.message}" if made.message else ""
    say(f"sweep {made.name} ({identity}) is {made.state}{said}")
    if made.tracking and made.tracking.url:
        say(f"MLflow: {made.tracking.url}")
    say(f"next: sweepctl watch {identity}")
