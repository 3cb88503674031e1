"""The command group: global options anywhere on the line, errors as lines, one exit code each."""

from __future__ import annotations

import errno
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from service.errors import ServiceError
from sweepctl.exits import CliError, ExitCode, code_of, lines_of
from sweepctl.guard import InterruptError
from sweeps.errors import SweepError

_ANYWHERE = ("--server", "--token", "--context")


class Group(TyperGroup):
    """Typer's group with our errors."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take `--server X`, `--token X`, `--context X` from anywhere on the line, as kubectl."""
        return super().parse_args(ctx, hoist(args))

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """The commands under the headings that they were registered with, each in its order."""
        panels: dict[str, list[tuple[str, Any]]] = {}
        for name in self.list_commands(ctx):
            command = self.get_command(ctx, name)
            if command is not None and not command.hidden:
                # Typer keeps the heading under this name, and shows it only in its rich help.
                heading = getattr(command, "rich_help_panel", None)
                panels.setdefault(heading or "Commands", []).append((name, command))
        width = max(len(name) for rows in panels.values() for name, _ in rows)
        for heading, rows in panels.items():
            limit = formatter.width - 6 - width
            told = [(f"{name:{width}}", one.get_short_help_str(limit)) for name, one in rows]
            with formatter.section(heading):
                formatter.write_dl(told)

    def invoke(self, ctx: Any) -> Any:
        """Run the command; an error it raises becomes lines on stderr and an exit code."""
        try:
            return super().invoke(ctx)
        except InterruptError as error:
            raise typer.Exit(128 + error.signum) from None
        except KeyboardInterrupt:
            raise typer.Exit(ExitCode.INTERRUPTED) from None
        except (CliError, ServiceError, SweepError) as error:
            print("\n".join(lines_of(error)), file=sys.stderr)
            raise typer.Exit(code_of(error)) from None
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise
            print(f"error: {error}", file=sys.stderr)
            raise typer.Exit(ExitCode.FAILED) from None


def hoist(args: list[str]) -> list[str]:
    """`args` with the global options first; what follows `--` stays where it is."""
    end = args.index("--") if "--" in args else len(args)
    front: list[str] = []
    rest: list[str] = []
    at = 0
    while at < end:
        arg = args[at]
        if arg in _ANYWHERE and at + 1 < end:
            front += args[at : at + 2]
            at += 2
            continue
        (front if arg.startswith(tuple(f"{name}=" for name in _ANYWHERE)) else rest).append(arg)
        at += 1
    return [*front, *rest, *args[end:]]
