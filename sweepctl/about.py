"""`version` and `completion`."""

from __future__ import annotations

from importlib.metadata import version as installed
from typing import Annotated

import typer
from typer._completion_shared import get_completion_script

from service.client import Client
from service.errors import ServiceError
from sweepctl.exits import CliError, ExitCode
from sweepctl.output import Format, Output, document, say
from sweepctl.settings import target_of

_SHELLS = ("bash", "zsh", "fish", "powershell", "pwsh")


def own_version() -> str:
    """The version of this command."""
    return installed("sweepctl")


def version(
    ctx: typer.Context,
    output: Output = Format.TABLE,
) -> None:
    """The version of this command and, when one answers, of the service."""
    found: dict[str, str | None] = {"sweepctl": own_version(), "service": None}
    try:
        target = target_of(ctx)
        with Client(target.server, target.token, timeout=2.0, retries=0) as client:
            found["service"] = client.health().version
    except (CliError, ServiceError):
        say("no service answers; next: sweepctl doctor")
    if output in (Format.JSON, Format.YAML):
        document(output, found)
    else:
        print("\n".join(f"{name} {what}" for name, what in found.items() if what))


def completion(
    shell: Annotated[
        str,
        typer.Argument(help=f"One of {', '.join(_SHELLS)}.", autocompletion=lambda: list(_SHELLS)),
    ] = "bash",
) -> None:
    """Print the completion script: `source <(sweepctl completion bash)`."""
    if shell not in _SHELLS:
        raise CliError(
            f"'{shell}' is not one of {', '.join(_SHELLS)}",
            ExitCode.USAGE,
            "sweepctl completion bash",
        )
    variable = "_SWEEPCTL_COMPLETE"
    print(get_completion_script(prog_name="sweepctl", complete_var=variable, shell=shell))
