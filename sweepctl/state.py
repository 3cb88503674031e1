"""The state folder of one `sweepctl up`: lock, tokens, ports, and where each thing lies in it."""

from __future__ import annotations

import fcntl
import json
import os
import random
import secrets
import socket
from pathlib import Path

from sweepctl.exits import CliError

# Below the ephemeral range, above the ports that Ray's workers take.
_PORTS = range(20000, 32000)


class StateFolder:
    """Paths under one folder, which is made with mode 0700."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.logs = self.root / "logs"
        self.storage = self.root / "storage"
        self.artifacts = self.root / "artifacts"
        self.service_db = self.root / "service.db"
        self.mlflow_db = self.root / "mlflow.db"
        self.user_token = self.root / "user.token"
        self.agent_token = self.root / "agent.token"
        self._lock: int | None = None

    def open(self) -> None:
        """Make the folder and lock it for this process. Raises CliError when another `up` has it.

        The kernel drops the lock when the process ends, however it ends.
        """
        try:
            for folder in (self.root, self.logs, self.storage, self.artifacts):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.root.chmod(0o700)
            self._take_lock()
        except OSError as error:
            raise CliError(
                f"the state folder {self.root} cannot be used: {error.strerror}",
                hint="choose another one with --state",
            ) from error
        for file in (self.user_token, self.agent_token):
            _token(file)

    def close(self) -> None:
        """Give the lock back."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _take_lock(self) -> None:
        handle = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(handle, 32, 0).decode().strip() or "unknown"
            os.close(handle)
            raise CliError(
                f"another `sweepctl up` (process {owner}) is using the state folder {self.root}",
                hint=f"stop it (kill {owner}), or choose another folder with --state",
            ) from None
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)
        self._lock = handle

    def port(self, name: str, wanted: int | None) -> tuple[int, str | None]:
        """A free loopback port for `name`, and what to tell the user about it, if anything.

        `wanted` must be free (CliError otherwise); else the port of last time when it is free,
        else a new one. The choice is remembered.
        """
        known = self._ports()
        if wanted is not None and not is_free(wanted):
            raise CliError(
                f"port {wanted} for {name} is taken", hint="name another one, or leave it out"
            )
        port = wanted or known.get(name)
        note = None
        if port is None or not is_free(port):
            fresh = free_port()
            if port is not None:
                note = f"port {port} of {name} is taken now; using {fresh}"
            port = fresh
        (self.root / "ports.json").write_text(json.dumps({**known, name: port}))
        return port, note

    def _ports(self) -> dict[str, int]:
        try:
            found = json.loads((self.root / "ports.json").read_text())
        except (OSError, ValueError):
            return {}
        return {str(k): v for k, v in found.items() if isinstance(v, int)}


def is_free(port: int) -> bool:
    """True when a server could listen on this loopback port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """A loopback port that nobody listens on now. Raises CliError when none is found."""
    for port in random.sample(_PORTS, 200):
        if is_free(port):
            return port
    raise CliError("no free loopback port was found", hint="name ports with --port, --mlflow-port")


def _token(file: Path) -> None:
    """Write a new token with mode 0600 unless the file holds one."""
    if file.exists() and file.read_text().strip():
        file.chmod(0o600)
        return
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as stream:
        stream.write(secrets.token_urlsafe(32) + "\n")
