"""Data to stdout in the format asked for, messages to stderr."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Annotated, Any, TextIO

import typer
import yaml
from pydantic import BaseModel
from rich.console import Console, OverflowMethod, RenderableType
from rich.table import Table


class Format(StrEnum):
    """What `-o` takes."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"
    NAME = "name"


Output = Annotated[
    Format, typer.Option("-o", "--output", help="How to print it.", case_sensitive=False)
]

# Wide enough that nothing is cut when a table goes to a file or a pipe.
_UNCUT = 2000


def console(stderr: bool = False) -> Console:
    """A console on the present stdout or stderr. No escape codes off a terminal or by NO_COLOR."""
    stream = sys.stderr if stderr else sys.stdout
    tty = stream.isatty()
    plain = not tty or bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    return Console(
        file=stream,
        color_system=None if plain else "auto",
        force_terminal=tty,
        width=None if tty else _UNCUT,
        highlight=False,
        markup=False,
        emoji=False,
        soft_wrap=not tty,
    )


def writable() -> None:
    """Let what this terminal's encoding lacks be written as an escape instead of an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and not speaks_unicode(stream):
            stream.reconfigure(errors="backslashreplace")


def speaks_unicode(stream: TextIO) -> bool:
    """Whether blocks and bars can be written there: a UTF encoding."""
    return (stream.encoding or "").lower().replace("-", "").startswith("utf")


def say(message: str) -> None:
    """A line for the person, on stderr."""
    print(message, file=sys.stderr, flush=True)


def plain(data: BaseModel | Sequence[BaseModel]) -> Any:
    """Plain JSON data. NaN and infinities are strings, as on the wire."""
    if isinstance(data, BaseModel):
        return json.loads(data.model_dump_json())
    return [json.loads(item.model_dump_json()) for item in data]


def emit(
    form: Format,
    data: BaseModel | Sequence[BaseModel],
    view: Callable[[bool], RenderableType | Sequence[RenderableType]],
    names: Sequence[str],
) -> None:
    """Print `data`: whole as json or yaml, `names` one a line, or `view(wide)`."""
    if form is Format.NAME:
        print("\n".join(names)) if names else None
    elif form in (Format.JSON, Format.YAML):
        document(form, plain(data))
    else:
        show(view(form is Format.WIDE))


def document(form: Format, data: Any) -> None:
    """Print plain data as JSON or YAML."""
    if form is Format.YAML:
        print(yaml.safe_dump(data, sort_keys=False, allow_unicode=True), end="")
    else:
        print(json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False))


def show(view: RenderableType | Sequence[RenderableType]) -> None:
    """Print tables and lines on stdout."""
    out = console()
    parts = [view] if isinstance(view, str) or not isinstance(view, Sequence) else view
    with out.capture() as drawn:
        for part in parts:
            out.print(part)
    # Columns are padded; nobody wants the blanks at the end of a line.
    print("\n".join(line.rstrip() for line in drawn.get().rstrip("\n").split("\n")))


def table(*columns: str) -> Table:
    """An empty table as kubectl prints them: no lines, headers in capitals."""
    made = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    for column in columns:
        made.add_column(column.upper(), no_wrap=True, overflow=_overflow())
    return made


def _overflow() -> OverflowMethod:
    """How a cell is cut: the dots of rich are no ASCII."""
    return "ellipsis" if speaks_unicode(sys.stdout) else "crop"


def beside(head: str, names: Sequence[str]) -> Table:
    """A table with a column for each of some things that a person named; names stay as typed."""
    made = table(head)
    for name in names:
        made.add_column(name, no_wrap=True, overflow=_overflow())
    return made


def facts(rows: Sequence[tuple[str, str]]) -> Table:
    """`Name:  value` lines."""
    made = Table(box=None, pad_edge=False, show_header=False)
    made.add_column(no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in rows:
        made.add_row(f"{name}:", value)
    return made
