"""Figures while a sweep runs: drawn now and then by a process of its own."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from pathlib import Path

REDRAW_SECONDS = 600.0

_log = logging.getLogger(__name__)


class Redraw:
    """Starts `python -m workers.figures`, one process at a time, every `seconds` at most.

    `look` is called again and again and returns at once. The last figures, of the sweep's end, are
    not made here but by `workers.shipping`.
    """

    def __init__(self, sweep_id: str, folder: Path, seconds: float = REDRAW_SECONDS) -> None:
        """`folder` takes the log, `figures.log`."""
        self._sweep_id, self._folder, self._seconds = sweep_id, folder, seconds
        # A sweep that is over before is drawn once, at its end.
        self._due = time.monotonic() + seconds
        self._child: subprocess.Popen[bytes] | None = None

    def look(self, run_id: str | None) -> None:
        """Start a drawing when one is due; `run_id` is the sweep's run, None: MLflow has none."""
        now = time.monotonic()
        if run_id is None or now < self._due or self._busy():
            return
        self._due = now + self._seconds
        try:
            with (self._folder / "figures.log").open("wb") as out:
                self._child = subprocess.Popen(
                    [sys.executable, "-m", "workers.figures", self._sweep_id, run_id],
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        except OSError as error:
            _log.warning("no figures are drawn: %s", error)

    def close(self) -> None:
        """End the process, if one runs."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            self._child = None

    def _busy(self) -> bool:
        return self._child is not None and self._child.poll() is None
