"""`sweepctl up` as a person runs it: a process of its own, stopped with Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from service.client import Client
from service.schemas import SweepDetail

SUPPORT = Path(__file__).parent
ROOT = SUPPORT.parents[1]


class Running:
    """A running `up` over `folder`. Every process of it carries `mark` in its environment."""

    def __init__(self, folder: Path, slots: int = 2, **environment: str) -> None:
        self.folder, self.mark = folder, f"up-{os.getpid()}-{time.monotonic_ns()}"
        folder.mkdir(parents=True, exist_ok=True)
        self.output = folder / "up.log"
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("RAY_", "TUNE_"))}
        with self.output.open("wb") as out:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "sweepctl", "up", "--state", str(folder / "state")),
                    *("--data-root", str(folder), "--slots", str(slots)),
                ],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env={
                    **clean,
                    "PYTHONPATH": os.pathsep.join([str(ROOT), str(SUPPORT)]),
                    "SWEEP_RECIPES": "toy=toy_recipe:run",
                    "SWEEP_CHECKPOINT_SECONDS": "0.2",
                    "SWEEP_BEAT_SECONDS": "0.2",
                    "SWEEP_LEASE_SECONDS": "5",
                    "SWEEP_RENEW_SECONDS": "0.5",
                    "XDG_CONFIG_HOME": str(folder / "config"),
                    "SWEEPCTL_TEST_MARK": self.mark,
                    **environment,
                },
            )
        wait_until(lambda: "Ctrl-C stops everything" in self._log(), 180, self._log)
        self.mlflow_url = next(
            line.split()[1] for line in self._log().splitlines() if line.startswith("MLflow:")
        )
        url = next(line.split()[1] for line in self._log().splitlines() if "/api/v1" in line)
        token = (folder / "state" / "user.token").read_text().strip()
        self.client = Client(url.removesuffix("/api/v1"), token)

    def _log(self) -> str:
        if self.process.poll() is not None:
            raise AssertionError(f"`up` ended: {self.output.read_text()}")
        return self.output.read_text()

    def ended(self, sweep_id: str, seconds: float = 120) -> SweepDetail:
        """Wait until the sweep is over."""

        def over() -> bool:
            return self.client.get_sweep(sweep_id).state in ("DONE", "FAILED", "CANCELLED")

        wait_until(over, seconds, lambda: self.driver_log(sweep_id))
        return self.client.get_sweep(sweep_id)

    def driver_log(self, sweep_id: str) -> str:
        """What the sweep's drivers printed."""
        path = self.folder / "state" / "storage" / "sweeps" / sweep_id / "driver.log"
        return path.read_text() if path.exists() else "no driver was started"

    def find(self, words: str) -> list[psutil.Process]:
        """Processes of this `up` whose command line holds `words`."""
        found = []
        for process in psutil.Process(self.process.pid).children(recursive=True):
            try:
                if words in " ".join(process.cmdline()):
                    found.append(process)
            except psutil.NoSuchProcess:
                continue
        return found

    def stop(self) -> int:
        """Ctrl-C; returns the exit code. Raises AssertionError when a process is left behind."""
        processes = psutil.Process(self.process.pid).children(recursive=True)
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(timeout=90)
        _, left = psutil.wait_procs(processes, timeout=30)
        assert not left, f"left behind: {[process.cmdline() for process in left]}"
        return code


def wait_until(
    there: Callable[[], bool], seconds: float, explain: Callable[[], str] = lambda: ""
) -> None:
    """Poll until `there()`; after `seconds` raise AssertionError with `explain()`."""
    deadline = time.monotonic() + seconds
    while not there():
        if time.monotonic() > deadline:
            raise AssertionError(f"not there after {seconds} s: {explain()[-4000:]}")
        time.sleep(0.1)
