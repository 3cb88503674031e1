"""A server or an agent as a process of its own, which may be killed and started again."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from workers.children import die_with_parent


class Part:
    """One of our programs. With `port` it is there when that port of 127.0.0.1 takes connections.

    `group`: it is killed with everything in its process group.
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        env: Mapping[str, str],
        folder: Path,
        port: int | None = None,
        group: bool = False,
    ) -> None:
        self.name, self.port = name, port
        self.log = folder / f"{name}.log"
        self._argv, self._env, self._folder, self._group = list(argv), dict(env), folder, group
        self._process: subprocess.Popen[bytes] | None = None
        # When it is to be started again, None: it is not to be.
        self.due: float | None = None

    @property
    def pid(self) -> int:
        """The id of its process, also when that has ended."""
        assert self._process is not None, f"{self.name} was never started"
        return self._process.pid

    def start(self) -> None:
        """Start it, and do not wait."""
        self.due = None
        with self.log.open("ab") as out:
            self._process = subprocess.Popen(
                self._argv,
                cwd=self._folder,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=die_with_parent(),
            )

    def alive(self) -> bool:
        """Whether its process runs."""
        return self._process is not None and self._process.poll() is None

    def answers(self) -> bool:
        """Whether it runs and, with a port, takes connections."""
        return self.alive() and (self.port is None or connects(self.port))

    def kill(self) -> None:
        """SIGKILL; returns when the kernel has it."""
        if self._process is None:
            return
        if self._group:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()
        self._process.wait(30)

    def kill_all(self) -> None:
        """SIGKILL to it and to all its descendants at once, as a power cut would."""
        if self.alive():
            family = psutil.Process(self.pid).children(recursive=True)
            self.kill()
            for process in family:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()

    def end(self, seconds: float = 60.0) -> None:
        """SIGTERM and patience, then SIGKILL."""
        if self._process is not None:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)
            self.kill()

    def tend(self) -> None:
        """Start it again when that is due, or when it ended by itself."""
        if self.due is None and not self.alive():
            self.due = time.monotonic() + 1.0
        if self.due is not None and time.monotonic() >= self.due:
            self.start()


def connects(port: int) -> bool:
    """Whether anybody takes connections on a port of 127.0.0.1."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def refusal(port: int) -> str:
    """Why nobody takes connections there, "" when somebody does."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return ""
    except OSError as error:
        return f"127.0.0.1:{port}: {error.strerror or error}"
