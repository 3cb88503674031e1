"""Checkpoints at the ends of phases, which the trials of one sweep leave for each other."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from workers.checkpoints import CheckpointFolder


class SharedFolder(CheckpointFolder):
    """One checkpoint that several trials may write and read at the same time: the first whole one
    stays, and whoever comes later drops its own."""

    first_stays = True


class SharedPhases:
    """The folders of one trial's shared beginnings, by the steps behind each.

    A folder holds one checkpoint, and whoever finds it has the weights that it would have trained
    itself. One that is not there, or not whole, is as good as none: the trial trains on.
    """

    def __init__(self, folders: Mapping[int, SharedFolder]) -> None:
        self._folders = dict(folders)

    def beyond(self, steps: int) -> Path | None:
        """The whole checkpoint that is furthest beyond `steps` steps; None without one."""
        for mark in sorted(self._folders, reverse=True):
            if mark > steps and (found := self._folders[mark].newest()) is not None:
                return found
        return None

    def ends(self, steps: int) -> bool:
        """True when a shared beginning ends after so many steps."""
        return steps in self._folders

    def wanted(self, steps: int) -> SharedFolder | None:
        """Where to leave a checkpoint after so many steps; None where nobody needs one, or one is
        there."""
        folder = self._folders.get(steps)
        return folder if folder is not None and folder.newest() is None else None


NOTHING_SHARED = SharedPhases({})
