"""A command as a child of the worker, behind a guard that outlives neither."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path

from workers.bring import guard

log = logging.getLogger(__name__)
TAIL_BYTES = 8_000
# What the kernel needs to take away what was killed; longer, and something is stuck in it.
_KILL_SECONDS = 30.0


class Child:
    """Starts `arguments` in `directory` with exactly the variables of `environment`.

    The guard (`workers.bring.guard`) holds the other end of a pipe: it kills the command and all
    that it started when the worker says so or dies. `scratch` are folders that are there for the
    command alone: whoever made them deletes them after `end`, the guard when the worker died.
    """

    def __init__(
        self,
        arguments: list[str],
        environment: Mapping[str, str],
        directory: Path,
        scratch: Collection[Path],
    ) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", guard.__file__, *map(str, scratch), "--", *arguments],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(environment),
            cwd=directory,
        )
        self._tail = b""
        self._reader = threading.Thread(target=self._drain, name="stderr", daemon=True)
        self._reader.start()

    def alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    def wait(self, seconds: float) -> int | None:
        """Its exit status, None when it has not ended after so long."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def end(self, grace_seconds: float) -> None:
        """End it and whatever it started: SIGTERM, then, after a grace, SIGKILL."""
        if self.alive():
            self._process.send_signal(signal.SIGTERM)
        if self.wait(grace_seconds) is None:
            log.warning("a command did not end %g s after SIGTERM: killing it", grace_seconds)
        self._order_kill()
        if self.wait(_KILL_SECONDS) is None:
            self._process.kill()
            log.error("a command could not be killed: process %d", self._process.pid)
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._reader.join(_KILL_SECONDS)

    def _order_kill(self) -> None:
        if self._process.stdin is not None and not self._process.stdin.closed:
            # The guard may have ended by itself.
            with suppress(BrokenPipeError):
                os.write(self._process.stdin.fileno(), b"\n")

    def last_words(self) -> str:
        """How it ended and the end of what it wrote to standard error."""
        self._reader.join(_KILL_SECONDS)
        status = self._process.poll()
        how = "has not ended" if status is None else _how(status)
        tail = self._tail.decode(errors="replace").strip()
        return f"{how}\nThe end of its standard error:\n{tail}" if tail else how

    def _drain(self) -> None:
        pipe = self._process.stderr
        while pipe is not None and (got := os.read(pipe.fileno(), TAIL_BYTES)):
            self._tail = (self._tail + got)[-TAIL_BYTES:]
            # The worker's own log has it whole.
            sys.stderr.write(got.decode(errors="replace"))


def _how(status: int) -> str:
    if status > 128 and status - 128 in signal.valid_signals():
        return f"was ended by {signal.Signals(status - 128).name}"
    return f"ended with exit status {status}"
