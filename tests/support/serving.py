"""An agent as a process of its own, beside a service of the test; without MLflow."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from running import ROOT, SUPPORT
from service_support import AGENT, Host


class Agent:
    """A running `python -m workers.agent` with the toy recipe and a local Ray."""

    def __init__(self, host: Host, folder: Path, slots: int) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        dropped = ("RAY_", "TUNE_", "SWEEP_", "MLFLOW_")
        clean = {k: v for k, v in os.environ.items() if not k.startswith(dropped)}
        with (folder / "agent.log").open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "workers.agent"],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env={
                    **clean,
                    "PYTHONPATH": os.pathsep.join([str(ROOT), str(SUPPORT)]),
                    "SWEEP_SERVICE_URL": host.url,
                    "SWEEP_AGENT_TOKEN": AGENT,
                    "SWEEP_STORAGE": str(folder / "storage"),
                    "SWEEP_SLOTS": str(slots),
                    "SWEEP_RECIPES": "toy=toy_recipe:run",
                    "SWEEP_POLL_SECONDS": "0.2",
                },
            )

    def log(self) -> str:
        """What the agent and its drivers printed."""
        assert self.process.poll() is None, (self.folder / "agent.log").read_text()
        logs = [self.folder / "agent.log", *self.folder.glob("storage/sweeps/*/driver.log")]
        return "\n".join(path.read_text() for path in logs)

    def stop(self) -> None:
        """End it in good order. Raises AssertionError when a process is left behind."""
        processes = psutil.Process(self.process.pid).children(recursive=True)
        self.process.terminate()
        self.process.wait(60)
        _, left = psutil.wait_procs(processes, timeout=10)
        assert not left, f"left behind: {[process.cmdline() for process in left]}"


@contextmanager
def agent_of(host: Host, folder: Path, slots: int = 1) -> Iterator[Agent]:
    """An agent that serves the pool `default` of `host` inside the block."""
    agent = Agent(host, folder, slots)
    try:
        yield agent
    finally:
        agent.stop()
