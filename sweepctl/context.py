"""`context list | use | add | remove | show`: the services that commands may talk to."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import RenderableType

from sweepctl import completing, contexts
from sweepctl.exits import CliError, ExitCode
from sweepctl.output import Format, Output, document, facts, say, show, table
from sweepctl.settings import Given, current, target_of

app = typer.Typer(
    no_args_is_help=True,
    help="Name services, and choose the one that commands talk to.\n\n"
    "A command talks to the first of: --server, --context, SWEEPCTL_SERVER, SWEEPCTL_CONTEXT, the "
    "current context (`context use`), the `sweepctl up` that runs. The name `up` stands for that "
    "one. Kept in XDG_CONFIG_HOME/sweepctl/config.yaml, mode 0600.",
)

Name = Annotated[
    str,
    typer.Argument(help="A name from `context list`.", autocompletion=completing.context_names),
]
_GOOD = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")


@app.command("list")
def list_(output: Output = Format.TABLE) -> None:
    """The named services, and which of them is the current one."""
    rows = _rows(contexts.load())
    if output is Format.NAME:
        print("\n".join(row["name"] for row in rows)) if rows else None
    elif output in (Format.JSON, Format.YAML):
        document(output, rows)
    elif not rows:
        say("no contexts; next: sweepctl context add NAME --server URL --token-file FILE")
    else:
        made = table("current", "name", "server", "token")
        for row in rows:
            made.add_row("*" if row["current"] else "", row["name"], row["server"], row["token"])
        show(made)


@app.command()
def use(name: Name) -> None:
    """Make a context the current one; `up` goes back to the `sweepctl up` that runs."""
    known = contexts.load()
    if name == contexts.RUNNING:
        contexts.save(known.use(None))
        say("commands talk to the `sweepctl up` that runs")
        return
    server = known.get(name).server
    contexts.save(known.use(name))
    say(f"commands talk to {name}, {server}")
    _shadowed()


@app.command()
def add(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="What to call it; one that is there is replaced.")],
    server: Annotated[
        str | None, typer.Option(help="Its address, http(s)://HOST[:PORT]. Needed.")
    ] = None,
    token_file: Annotated[
        Path | None, typer.Option(help="Where its token stands; read at every command.")
    ] = None,
    token_stdin: Annotated[
        bool, typer.Option("--token-stdin", help="Read the token from stdin and keep it.")
    ] = False,
) -> None:
    """Name a service. The first one becomes the current context."""
    if not _GOOD.match(name) or name == contexts.RUNNING:
        raise CliError(
            f"'{name}' cannot be the name of a context",
            ExitCode.USAGE,
            "use letters, digits, dots and dashes; `up` stands for the running `sweepctl up`",
        )
    given = ctx.find_object(Given) or Given()
    # Options that every command has are taken from anywhere on the line, so this one is too.
    server = server or given.server or ""
    if given.token:
        raise CliError(
            "a token on the command line can be read by everyone on this machine",
            ExitCode.USAGE,
            f"sweepctl context add {name} --server URL --token-file FILE, or --token-stdin",
        )
    if not re.fullmatch(r"https?://[^/\s@]+(/\S*)?", server):
        raise CliError(
            f"--server '{server}' is not http(s)://HOST[:PORT]",
            ExitCode.USAGE,
            f"sweepctl context add {name} --server http://HOST:PORT",
        )
    saved = contexts.Saved(server=server.rstrip("/"), **_token(token_file, token_stdin))
    made = contexts.load().add(name, saved)
    contexts.save(made)
    say(f"context {name} is {server}" + ("" if saved.secret() else ", without a token"))
    say("next: sweepctl doctor" if made.current == name else f"next: sweepctl context use {name}")


@app.command()
def remove(name: Name) -> None:
    """Forget a context, and its token if it was kept here."""
    known = contexts.load()
    contexts.save(known.remove(name))
    say(f"context {name} is forgotten")
    if known.current == name and current().get("server"):
        say("commands talk to the `sweepctl up` that runs")
    elif known.current == name:
        say("no context is current now; next: sweepctl context use NAME")


@app.command("show")
def show_(ctx: typer.Context, output: Output = Format.TABLE) -> None:
    """The service that commands talk to now, and why that one."""
    found = target_of(ctx)
    row = {
        "server": found.server,
        "from": found.origin,
        "token": "known" if found.token else "none",
    }
    if output is Format.NAME:
        print(found.server)
    elif output in (Format.JSON, Format.YAML):
        document(output, row)
    else:
        view: RenderableType = facts([(name.capitalize(), value) for name, value in row.items()])
        show(view)


def _rows(known: contexts.Contexts) -> list[dict[str, Any]]:
    rows = [
        {
            "name": name,
            "server": saved.server,
            "token": saved.token_file or ("kept here" if saved.token else "none"),
            "current": name == known.current,
        }
        for name, saved in sorted(known.named.items())
    ]
    running = current().get("server")
    if running:
        up = {"name": contexts.RUNNING, "server": str(running), "token": "its own"}
        rows.append({**up, "current": known.current is None})
    return rows


def _token(file: Path | None, stdin: bool) -> dict[str, str]:
    if file is not None and stdin:
        raise CliError(
            "--token-file and --token-stdin give two tokens", ExitCode.USAGE, "leave one out"
        )
    if file is not None:
        return {"token_file": str(file.expanduser().resolve())}
    if not stdin:
        return {}
    token = sys.stdin.read().strip()
    if not token or any(sign.isspace() for sign in token):
        raise CliError(
            "stdin holds no token, which is one word",
            ExitCode.USAGE,
            "printf %s TOKEN | sweepctl context add NAME --server URL --token-stdin",
        )
    return {"token": token}


def _shadowed() -> None:
    for name in ("SWEEPCTL_SERVER", "SWEEPCTL_CONTEXT"):
        if os.environ.get(name):
            say(f"but {name} is set and goes before it; next: unset {name}")
