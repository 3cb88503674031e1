"""Checkpoints that nothing goes on from are deleted, here and at the mirror."""

from __future__ import annotations

import logging
import queue
import shutil
import threading
import time
from collections.abc import Collection
from pathlib import Path

from sweeps.journal import Story
from sweeps.keeping import kept
from sweeps.phases import phases_of
from sweeps.prefixes import needed
from sweeps.spec import SweepSpec
from workers.mirror import Mirror
from workers.order import checkpoints_of, shared_folder, trial_folder
from workers.settings import WorkerSettings

log = logging.getLogger(__name__)
# A worker that was just told to stop may still be writing its last checkpoint.
REST_SECONDS = 60.0


class Broom:
    """Deletes the checkpoints of one sweep that `sweeps.keeping` lets go, some time later.

    The mirror is swept in a thread of its own. What it does not take is left there, and `close`
    says so.
    """

    def __init__(self, settings: WorkerSettings, sweep_id: str, spec: SweepSpec) -> None:
        self._settings, self._sweep, self._spec = settings, sweep_id, spec
        self._known: set[int] = set()
        self._folder = settings.sweep_folder(sweep_id)
        # Since when, which folder, and its mirror.
        self._resting: list[tuple[float, Path, str | None]] = []
        self._there: queue.SimpleQueue[Mirror | None] = queue.SimpleQueue()
        self._failed = False
        self._thread: threading.Thread | None = None

    def look(self, story: Story, *, cancelled: bool, complete: bool = False) -> None:
        """Take up every trial whose checkpoints are not needed any more, and every shared beginning
        that no trial can still go on from. `complete`: no more trials will be asked."""
        stay = kept(self._spec, story, cancelled=cancelled, complete=complete)
        for number in sorted(story.trials.keys() - self._known - stay):
            self._known.add(number)
            folder = checkpoints_of(trial_folder(self._folder, number))
            self._rest(folder, self._settings.mirror_of(self._sweep, number))
        if phases_of(self._spec.spec.workload):
            self._drop(needed(self._spec, story))

    def drop_shared(self) -> None:
        """Take up every checkpoint that trials left for each other: none will be begun any more."""
        self._drop(set())

    def _drop(self, stay: Collection[str]) -> None:
        there = shared_folder(self._folder)
        for folder in sorted(there.iterdir()) if there.is_dir() else []:
            if folder.name not in stay and all(folder != other for _, other, _ in self._resting):
                self._rest(folder, self._settings.shared_mirror_of(self._sweep, folder.name))

    def _rest(self, folder: Path, mirror: str | None) -> None:
        self._resting.append((time.monotonic(), folder, mirror))

    def sweep(self, rest_seconds: float = REST_SECONDS) -> None:
        """Delete what has rested for `rest_seconds`. Cheap when there is nothing."""
        now = time.monotonic()
        while self._resting and now - self._resting[0][0] >= rest_seconds:
            _, folder, url = self._resting.pop(0)
            shutil.rmtree(folder, ignore_errors=True)
            if url is not None:
                self._sweep_there(Mirror(url))

    def close(self, seconds: float) -> bool:
        """Wait for the mirror, at most `seconds`. True when nothing is left to delete."""
        if self._thread is not None:
            self._there.put(None)
            self._thread.join(seconds)
            self._failed |= self._thread.is_alive()
        return not self._failed

    def _sweep_there(self, mirror: Mirror) -> None:
        self._there.put(mirror)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="broom", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while (mirror := self._there.get()) is not None:
            try:
                mirror.remove()
            # Each file system raises what its own library raises.
            except Exception as error:  # noqa: BLE001
                self._failed = True
                log.warning("checkpoints at the mirror were not deleted: %s", error)
