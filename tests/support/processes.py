"""Whether processes that a test started, or that what it started started, have ended."""

from __future__ import annotations

import time
from pathlib import Path

import psutil


def gone(file: Path) -> bool:
    """Whether the process that wrote its id into the file has ended, or does so within 10 s."""
    number = int(file.read_text())
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if not _runs(number):
            return True
        time.sleep(0.02)
    return False


def _runs(number: int) -> bool:
    try:
        return bool(psutil.Process(number).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
