"""`schema` and `presets`: what a spec may hold, and ready ones. Neither needs a service."""

from __future__ import annotations

from typing import Annotated

import typer

from sweepctl import completing
from sweepctl.exits import CliError, ExitCode
from sweepctl.output import Format, Output, document, show, table
from sweepctl.specfile import preset_names, preset_text
from sweeps.documents import read_document
from sweeps.spec import json_schema

app = typer.Typer(no_args_is_help=True, help="Ready specs that ship with sweepctl.")


def schema(output: Output = Format.JSON) -> None:
    """The JSON Schema of a spec file."""
    if output not in (Format.JSON, Format.YAML):
        raise CliError("a schema is json or yaml", ExitCode.USAGE, "sweepctl schema -o yaml")
    document(output, json_schema())


@app.command("list")
def presets(output: Output = Format.TABLE) -> None:
    """The shipped presets."""
    rows = [{"name": name, "description": _headline(name)} for name in preset_names()]
    if output is Format.NAME:
        print("\n".join(row["name"] for row in rows))
    elif output in (Format.JSON, Format.YAML):
        document(output, rows)
    else:
        made = table("preset", "description")
        for row in rows:
            made.add_row(row["name"], row["description"])
        show(made)


@app.command("show")
def preset(
    name: Annotated[
        str,
        typer.Argument(
            help="A name from `sweepctl presets list`.", autocompletion=completing.presets
        ),
    ],
    output: Output = Format.YAML,
) -> None:
    """One preset. YAML comes with its comments, ready for a file of your own."""
    text = preset_text(name)
    if output is Format.NAME:
        print(name)
    elif output is Format.JSON:
        document(output, read_document(text))
    else:
        print(text, end="")


def _headline(name: str) -> str:
    """The preset's first comment line."""
    first = preset_text(name).lstrip().splitlines()[0]
    return first.lstrip("# ").rstrip() if first.startswith("#") else ""
