"""docs/reference/cli.md: every command with its arguments, options and exit codes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

from docs.generate.fields import WARNING, flat
from sweepctl.exits import ExitCode
from sweepctl.main import app

_HEAD = f"""{WARNING}
# The command line

`sweepctl COMMAND --help` says the same in the terminal."""
_SHARED = "## Options of every command"
# typer puts it into every command.
_EVERYWHERE = "--help"


def text() -> str:
    """The page."""
    root: Any = typer.main.get_command(app)
    page = [_HEAD, "", _SHARED, "", *_options(root, "sweepctl"), "", *_exit_codes()]
    heading = None
    for path, command in commands(root):
        panel = command.rich_help_panel if len(path) == 1 else heading
        if panel != heading:
            heading = panel
            page += ["", f"## {heading}"]
        if not getattr(command, "commands", None):
            page += ["", *_command(" ".join(("sweepctl", *path)), command)]
    return "\n".join([*page, ""])


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command that is not hidden, by its words; those of one heading beside each other."""
    panels = list(dict.fromkeys(c.rich_help_panel for c in group.commands.values()))
    ordered = sorted(group.commands.items(), key=lambda one: panels.index(one[1].rich_help_panel))
    for name, command in ordered:
        if not command.hidden:
            yield (*path, name), command
            if getattr(command, "commands", None):
                yield from commands(command, (*path, name))


def _command(line: str, command: Any) -> Iterator[str]:
    context = command.context_class(command, info_name=line)
    pieces = " ".join(command.collect_usage_pieces(context))
    yield f"### {line}"
    yield ""
    yield f"`{line} {pieces}`".replace(" `", "`")
    yield ""
    yield "\n\n".join(flat(part) for part in (command.help or "").split("\n\n"))
    options = list(_options(command, line))
    if options:
        yield ""
        yield from options


def _options(command: Any, line: str) -> Iterator[str]:
    context = command.context_class(command, info_name=line)
    for parameter in command.params:
        record = parameter.get_help_record(context)
        if record is None or _EVERYWHERE in parameter.opts:
            continue
        left, right = record
        yield f"- `{left}`" + (f": {flat(right)}" if right else "")


def _exit_codes() -> Iterator[str]:
    yield "## Exit codes"
    yield ""
    for code in ExitCode:
        yield f"- `{code.value}`: {code.name.lower().replace('_', ' ')}"
