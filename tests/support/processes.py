"""Whether what a test started has ended, and what it made is gone."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import psutil


def gone(file: Path) -> bool:
    """Whether the process that wrote its id into the file has ended, or does so within 10 s."""
    number = int(file.read_text())
    return _comes(lambda: not _runs(number))


def disappears(path: Path) -> bool:
    """Whether the file or folder is not there any more, or is not within 10 s."""
    return _comes(lambda: not path.exists())


def _comes(there: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 10
    while not there():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _runs(number: int) -> bool:
    try:
        return bool(psutil.Process(number).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
