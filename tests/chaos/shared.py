"""The checkpoints that trials of a sweep leave for each other, as they stand on disk meanwhile."""

from __future__ import annotations

import json
import time
from pathlib import Path

from workers.checkpoints import MANIFEST, is_whole
from workers.order import shared_folder

LOOK_SECONDS = 0.5
# A checkpoint that is being deleted is gone after so long.
_GONE_SECONDS = 0.5
TORN = "torn"


class Shared:
    """What was seen of them: `held` has, by checkpoint, every set of weights and moments that it
    held, as the digests of their files. They go when the sweep is over, so they are looked at
    while it runs."""

    def __init__(self, sweep_folder: Path) -> None:
        self._folder, self._due = shared_folder(sweep_folder), 0.0
        self.held: dict[str, set[str]] = {}

    def look(self) -> None:
        """Look again; cheap when that was done just now."""
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + LOOK_SECONDS
        for checkpoint in sorted(self._folder.glob("*/step-*")):
            content = _content(checkpoint)
            if content:
                name = checkpoint.relative_to(self._folder).as_posix()
                self.held.setdefault(name, set()).add(content)


def _content(checkpoint: Path) -> str:
    """The digests of a whole checkpoint, TORN for one that is not, "" for one that is gone."""
    if not is_whole(checkpoint):
        time.sleep(_GONE_SECONDS)
        if not is_whole(checkpoint):
            return TORN if checkpoint.exists() else ""
    try:
        files = json.loads((checkpoint / MANIFEST).read_text())["files"]
    except OSError:
        return ""
    # The other files tell of speed.
    return " ".join(f"{n}={d}" for n, d in sorted(files.items()) if n.endswith(".safetensors"))
