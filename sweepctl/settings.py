"""Which service to talk to, and with which token."""

from __future__ import annotations

import ipaddress
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import typer

from service.client import Client
from sweepctl import contexts
from sweepctl.exits import CliError, ExitCode
from sweepctl.state import StateFolder


@dataclass(frozen=True)
class Target:
    """A service. `origin` says where its address came from, for `doctor` and for messages."""

    server: str
    token: str | None
    origin: str

    @property
    def loopback(self) -> bool:
        """True when the service runs on this machine."""
        host = urlsplit(self.server).hostname or ""
        if host == "localhost":
            return True
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return False


@dataclass(frozen=True)
class Given:
    """The global options as typed; the context of every command holds them."""

    server: str | None = None
    token: str | None = None
    context: str | None = None


def current_file() -> Path:
    """Where a running `sweepctl up` leaves its address: XDG_CONFIG_HOME/sweepctl/current.json."""
    return contexts.folder() / "current.json"


def current() -> dict[str, Any]:
    """What `sweepctl up` left there, empty when nothing runs."""
    try:
        found = json.loads(current_file().read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def target(given: Given) -> Target:
    """The service that a command talks to; what is typed goes before what is set, before what is
    kept:

    --server, --context, SWEEPCTL_SERVER, SWEEPCTL_CONTEXT, the current context, the `sweepctl up`
    that runs. The token of a context or of `up` goes to its own address alone; --token goes before
    it, and so does SWEEPCTL_TOKEN unless --context was typed. Raises CliError when no service is
    known.
    """
    if given.server and given.context:
        raise CliError(
            "--server and --context name two services",
            ExitCode.USAGE,
            "leave one of them out; sweepctl context list",
        )
    if given.server:
        return _at(given.server, "--server", given)
    if given.context:
        return _named(given.context, "--context", given)
    if server := os.environ.get("SWEEPCTL_SERVER"):
        return _at(server, "SWEEPCTL_SERVER", given)
    if name := os.environ.get("SWEEPCTL_CONTEXT"):
        return _named(name, "SWEEPCTL_CONTEXT", given)
    if name := contexts.load().current:
        return _named(name, str(contexts.file()), given)
    if server := current().get("server"):
        return _at(str(server), str(current_file()), given)
    raise CliError(
        "no service is known here",
        hint="sweepctl up (starts one on this machine), or "
        "sweepctl context add NAME --server URL, or set SWEEPCTL_SERVER",
    )


def _at(server: str, origin: str, given: Given) -> Target:
    running = current()
    token = given.token or os.environ.get("SWEEPCTL_TOKEN")
    if not token and server == running.get("server"):
        token = _read(running.get("token_file"))
    return Target(server.rstrip("/"), token, origin)


def _named(name: str, source: str, given: Given) -> Target:
    origin = f"context {name}, {source}"
    if name == contexts.RUNNING:
        server = current().get("server")
        if not server:
            raise CliError(
                f"no `sweepctl up` runs here, and {source} asks for it",
                hint="sweepctl up, or sweepctl context use NAME",
            )
        return _at(str(server), origin, given)
    saved = contexts.load().get(name)
    outer = os.environ.get("SWEEPCTL_TOKEN")
    typed = source == "--context"
    token = given.token or (None if typed else outer) or saved.secret() or outer
    return Target(saved.server.rstrip("/"), token, origin)


def target_of(ctx: typer.Context) -> Target:
    """The target of a running command."""
    given = ctx.find_object(Given)
    return target(given or Given())


def connect(ctx: typer.Context) -> Client:
    """A client for the command; use it in `with`."""
    found = target_of(ctx)
    return Client(found.server, found.token)


def _read(file: Any) -> str | None:
    try:
        return Path(str(file)).read_text().strip() if file else None
    except OSError:
        return None


class Current:
    """Our entry in `current_file`, from `write` to `restore`; the one before comes back."""

    def __init__(self, server: str, mlflow: str, state: StateFolder) -> None:
        self._mine = {
            "server": server,
            "token_file": str(state.user_token),
            "mlflow": mlflow,
            "state": str(state.root),
            "pid": os.getpid(),
        }
        self._before: dict[str, Any] = {}

    def write(self) -> None:
        """Make this service the one that commands talk to."""
        self._before = current()
        file = current_file()
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.write_text(json.dumps(self._mine))

    def restore(self) -> None:
        """Take our entry out, unless another one took its place meanwhile."""
        if current() != self._mine:
            return
        pid = self._before.get("pid")
        if isinstance(pid, int) and pid != os.getpid() and Path(f"/proc/{pid}").exists():
            current_file().write_text(json.dumps(self._before))
        else:
            current_file().unlink(missing_ok=True)
