"""`python -m workers.agent` as a process of its own, with a Ray of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
from running import ROOT, SUPPORT
from service_support import AGENT


class AgentProcess:
    """A running agent of a service; `log` is what it printed."""

    def __init__(self, service_url: str, storage: Path, **environment: str) -> None:
        storage.mkdir(parents=True, exist_ok=True)
        self.storage, self._output = storage, storage / "agent.log"
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("RAY_", "TUNE_"))}
        with self._output.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "workers.agent"],
                cwd=storage,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={
                    **clean,
                    "PYTHONPATH": os.pathsep.join([str(ROOT), str(SUPPORT)]),
                    "SWEEP_SERVICE_URL": service_url,
                    "SWEEP_AGENT_TOKEN": AGENT,
                    "SWEEP_STORAGE": str(storage),
                    "SWEEP_SLOTS": "2",
                    "SWEEP_RECIPES": "toy=toy_recipe:run",
                    "SWEEP_BEAT_SECONDS": "0.2",
                    **environment,
                },
            )

    @property
    def log(self) -> str:
        """What the agent and its drivers printed."""
        logs = [self._output, *self.storage.glob("sweeps/*/driver.log")]
        return "\n".join(path.read_text(errors="replace") for path in logs)

    def stop(self) -> float:
        """SIGTERM; the seconds until it had ended. AssertionError when a process is left."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        began = time.monotonic()
        self.process.terminate()
        self.process.wait(120)
        took = time.monotonic() - began
        _, left = psutil.wait_procs(children, timeout=10)
        assert not left, f"left behind: {[process.cmdline() for process in left]}"
        return took

    def kill(self) -> None:
        """SIGKILL to it and everything it started, at once."""
        if self.process.poll() is not None:
            return
        family = psutil.Process(self.process.pid).children(recursive=True)
        for process in [psutil.Process(self.process.pid), *family]:
            try:
                process.send_signal(signal.SIGKILL)
            except psutil.NoSuchProcess:
                continue
        self.process.wait(30)
