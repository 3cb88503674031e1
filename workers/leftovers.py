"""Sweeps that are not whole yet elsewhere: a mark on disk for each, so that a restart finds them.

A driver marks its sweep before it begins. The mark goes when the sweep has ended, MLflow has all of
it and no checkpoint is left over; see `workers.shipping`.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Leftovers:
    """The marks of one storage, files named after sweeps."""

    def __init__(self, storage: Path) -> None:
        self._folder = storage.resolve() / "unfinished"

    def mark(self, sweep_id: str) -> None:
        """Mark a sweep; it is on disk when this returns."""
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / sweep_id).touch()
        handle = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def clear(self, sweep_id: str) -> None:
        """Take the mark away; no mark is no error."""
        (self._folder / sweep_id).unlink(missing_ok=True)

    def sweeps(self) -> list[str]:
        """The marked sweeps, sorted."""
        try:
            return sorted(path.name for path in self._folder.iterdir())
        except FileNotFoundError:
            return []

    @contextmanager
    def held(self, sweep_id: str) -> Iterator[bool]:
        """True inside when nobody else holds this mark, False when somebody does or it is gone."""
        try:
            file = (self._folder / sweep_id).open("r+b")
        except FileNotFoundError:
            yield False
            return
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                yield False
            else:
                yield True
