"""One server that `up` runs: its own process group and log, a few restarts."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from sweepctl.process import die_with_parent, end_group

RESTARTS = 5
# A child that lived this long counts as healthy again: earlier deaths are forgotten.
HEALTHY_SECONDS = 300.0


class Child:
    """Started by `start`, looked after by `tend`, ended by `stop`."""

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        env: Mapping[str, str],
        logs: Path,
        alone: bool = True,
    ) -> None:
        """`alone`: only the process itself is told to end; it ends its own children in order."""
        self.name, self.argv, self.env, self.alone = name, list(argv), dict(env), alone
        self.log = logs / f"{name}.log"
        self.deaths = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._mark = 0
        self._started = 0.0
        self._retry_at: float | None = None

    def start(self, cwd: Path) -> None:
        """Start the process; it gets SIGTERM when this one dies."""
        self._cwd = cwd
        self._mark = self.log.stat().st_size if self.log.exists() else 0
        self._started, self._retry_at = time.monotonic(), None
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.argv,
                env=self.env,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )

    @property
    def pid(self) -> int | None:
        """Its process id, None before the start."""
        return self._process.pid if self._process else None

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll() if self._process else None

    def tend(self, say: Callable[[str], None]) -> bool:
        """Restart it when it has died, after a growing pause. False when it keeps dying."""
        code = self.exit_code
        if code is None:
            return True
        now = time.monotonic()
        if self._retry_at is None:
            self.deaths = 1 if now - self._started > HEALTHY_SECONDS else self.deaths + 1
            if self.deaths > RESTARTS:
                return False
            pause = 0.5 * 2 ** (self.deaths - 1)
            self._retry_at = now + pause
            say(f"{self.name} ended with {code}; starting it again in {pause:g} s ({self.log})")
            # What it left in its group would hold its port.
            self._signal(signal.SIGKILL)
        elif now >= self._retry_at:
            self.start(self._cwd)
        return True

    def stop(self, grace: float, wait: Callable[[], None]) -> bool:
        """SIGTERM, then SIGKILL to the group after `grace` seconds. True when it went by itself.

        `wait` is called between looks; it sleeps a little, and may do other work.
        """
        if self._process is None:
            return True
        if not self.alone:
            self._signal(signal.SIGTERM)
        elif self._process.poll() is None:
            self._process.terminate()
        deadline = time.monotonic() + grace
        while self._process.poll() is None and time.monotonic() < deadline:
            wait()
        went = self._process.poll() is not None
        self._signal(signal.SIGKILL)
        self._process.wait()
        return went

    def tail(self, lines: int = 20) -> str:
        """The last lines of the log since the last start."""
        try:
            with self.log.open("rb") as log:
                log.seek(max(self._mark, self.log.stat().st_size - 16384))
                text = log.read().decode(errors="replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-lines:])

    def _signal(self, signum: signal.Signals) -> None:
        if self._process is not None:
            end_group(self._process.pid, signum)
