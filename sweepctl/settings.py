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
from sweepctl.exits import CliError
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


def current_file() -> Path:
    """Where a running `sweepctl up` leaves its address: XDG_CONFIG_HOME/sweepctl/current.json."""
    home = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(home) / "sweepctl" / "current.json"


def current() -> dict[str, Any]:
    """What `sweepctl up` left there, empty when nothing runs."""
    try:
        found = json.loads(current_file().read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def target(given: Given) -> Target:
    """The options, else SWEEPCTL_SERVER and SWEEPCTL_TOKEN, else the `sweepctl up` that runs.

    The token of a running `up` is used for that one's address only. Raises CliError when no
    service is known.
    """
    running = current()
    server, origin = given.server, "--server"
    if not server:
        server, origin = os.environ.get("SWEEPCTL_SERVER"), "SWEEPCTL_SERVER"
    if not server:
        server, origin = running.get("server"), str(current_file())
    if not server:
        raise CliError(
            "no service is known here",
            hint="sweepctl up (starts one on this machine), or set SWEEPCTL_SERVER",
        )
    token = given.token or os.environ.get("SWEEPCTL_TOKEN")
    if not token and server == running.get("server"):
        token = _read(running.get("token_file"))
    return Target(server.rstrip("/"), token, origin)


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
