"""When and where the state of a run is written, by all of its ranks together."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from workers.checkpoints import CheckpointFolder, step_of
from workers.recipes.shared import SharedPhases
from workers.recipes.world import World

# Beside what the recipe writes: what the context knows of the run.
_STATE = "context.json"
Save = Callable[[Path], None]


class Saver:
    """The checkpoints of one trial. They hold what `save` writes, the recipe's state (None: it has
    registered none, and nothing is saved), and what `state` gives, the context's.

    Every call is one that all ranks make, for the same step.
    """

    def __init__(
        self,
        folder: CheckpointFolder,
        shared: SharedPhases,
        world: World,
        seconds: float,
        state: Callable[[], dict[str, Any]],
    ) -> None:
        self.save: Save | None = None
        self._folder, self._shared, self._world = folder, shared, world
        self._seconds, self._state = seconds, state
        self._saved_last = False
        self._saved_at = time.monotonic()

    @property
    def root(self) -> Path:
        """The folder of the checkpoints."""
        return self._folder.root

    def newest(self) -> Path | None:
        """The newest checkpoint, as rank 0 finds it: our own, or one that another trial left
        further on."""
        return self._world.tell(self._find() if self._world.first else None)

    def old(self) -> bool:
        """True when the last checkpoint is older than it should be."""
        return time.monotonic() - self._saved_at >= self._seconds

    def checkpoint(self, step: int, *, last: bool = False) -> None:
        """Write a checkpoint now; after the last one, and without a state, nothing."""
        if self.save is None or self._saved_last:
            return
        self._write(self.save, self._folder, step, last=last)
        self._saved_at, self._saved_last = time.monotonic(), last

    def share(self, step: int) -> None:
        """At the end of a phase that other trials begin with, leave them a checkpoint."""
        if self.save is None or not self._shared.ends(step):
            return
        folder = self._shared.wanted(step) if self._world.first else None
        if self._world.tell(folder is not None):
            self._write(self.save, folder or self._folder, step, last=True)

    def _find(self) -> Path | None:
        own = self._folder.newest()
        done = step_of(own.name) if own is not None else 0
        return self._shared.beyond(done) or own

    def _write(self, save: Save, folder: CheckpointFolder, step: int, *, last: bool) -> None:
        world = self._world

        def write(draft: Path) -> None:
            save(world.tell(draft))
            (draft / _STATE).write_text(json.dumps(self._state()))
            world.wait()

        if world.first:
            folder.write(step, write, last=last)
        else:
            save(world.tell(Path()))
            world.wait()


def read_state(checkpoint: Path) -> dict[str, Any]:
    """What the context knew when it wrote this checkpoint."""
    state: dict[str, Any] = json.loads((checkpoint / _STATE).read_text())
    return state
