"""What pages of the documentation hold that a machine can try: blocks of code, command lines."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from textwrap import dedent

import typer

from sweepctl.main import app
from sweepctl.shell import hoist

_FENCED = re.compile(r"^( *)```(\w*)[^\n]*\n(.*?)^\1```", re.DOTALL | re.MULTILINE)
_SHELL = {"", "bash", "sh", "shell", "console"}
_PROGRAM = re.compile(r"^\$? ?(?:\.venv/bin/)?sweepctl (.*)$")


def blocks(text: str, *languages: str) -> list[str]:
    """The fenced blocks of these languages ("" is none), in order."""
    return [dedent(code) for _, language, code in _FENCED.findall(text) if language in languages]


def command_lines(text: str) -> Iterator[list[str]]:
    """The arguments of every `sweepctl` in blocks for the shell."""
    for block in blocks(text, *_SHELL):
        for line in block.replace("\\\n", " ").splitlines():
            found = _PROGRAM.match(line.strip())
            if found:
                yield _until_pipe(shlex.split(found[1], comments=True))


def inline_commands(text: str) -> Iterator[list[str]]:
    """The arguments of every `sweepctl ...` that stands between backticks in a sentence."""
    for line in re.findall(r"`sweepctl ([^`]+)`", _FENCED.sub("", text)):
        if not line.startswith("COMMAND"):
            yield shlex.split(line)


def check_arguments(args: list[str], whole: bool = True) -> None:
    """Fail for a command or an option that the real parser does not know. Runs nothing.

    Not `whole`: what a sentence names may leave arguments out.
    """
    command, path, rest = typer.main.get_command(app), ["sweepctl"], hoist(args)
    context = command.make_context("sweepctl", _globals(rest), resilient_parsing=True)
    while getattr(command, "commands", None):
        word = rest.pop(0) if rest else None
        if word is None and not whole:
            return
        if word not in command.commands:
            raise AssertionError(f"{' '.join(path)} has no command {word!r}")
        command, path = command.commands[word], [*path, word]
    try:
        command.make_context(path[-1], rest, parent=context)
    except typer._click.exceptions.UsageError as error:
        if whole or not isinstance(error, typer._click.exceptions.MissingParameter):
            raise AssertionError(f"{' '.join(path)}: {error.format_message()}") from None


def _globals(args: list[str]) -> list[str]:
    """Take the global options off the front."""
    taken: list[str] = []
    while args and args[0].startswith("--"):
        taken += [args.pop(0)] if "=" in args[0] else [args.pop(0), args.pop(0)]
    return taken


def _until_pipe(words: list[str]) -> list[str]:
    for at, word in enumerate(words):
        if word in ("|", "&&", ">", "||", "&", ";"):
            return words[:at]
    return words
