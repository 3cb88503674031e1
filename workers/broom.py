"""Checkpoints of trials that have ended are deleted: nothing goes on from them."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

# A worker that was just told to stop may still be writing its last checkpoint.
REST_SECONDS = 60.0


class Broom:
    """Deletes folders some time after they were given to it."""

    def __init__(self) -> None:
        self._folders: list[tuple[float, Path]] = []

    def add(self, folder: Path) -> None:
        """Delete `folder` once it has rested."""
        self._folders.append((time.monotonic(), folder))

    def sweep(self, rest_seconds: float = REST_SECONDS) -> None:
        """Delete what has rested for `rest_seconds`. Cheap when there is nothing."""
        now = time.monotonic()
        while self._folders and now - self._folders[0][0] >= rest_seconds:
            shutil.rmtree(self._folders.pop(0)[1], ignore_errors=True)
