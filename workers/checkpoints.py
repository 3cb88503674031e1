"""Checkpoint folders: whole or not there. The manifest with digests is written last."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

MANIFEST = "manifest.json"
# A draft that nobody has written to for so long was left by a crash.
_ABANDONED_SECONDS = 3600.0


class CheckpointFolder:
    """The checkpoints of one trial: `step-00000012/` folders, the newest `keep` of them kept."""

    def __init__(self, root: Path, keep: int = 2) -> None:
        self.root = root
        self.keep = keep

    def write(self, step: int, fill: Callable[[Path], None]) -> Path:
        """Let `fill` write files into a new folder, then make it the checkpoint of `step`.

        The folder appears under its name only when every file and the manifest are on disk, so a
        crash at any moment leaves the one before. Returns the folder.
        """
        final = self.root / f"step-{step:08d}"
        draft = self.root / f".draft-{step:08d}-{os.getpid()}"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        fill(draft)
        names = sorted(p.name for p in draft.iterdir())
        manifest = {"step": step, "files": {name: _digest(draft / name) for name in names}}
        (draft / MANIFEST).write_text(json.dumps(manifest, indent=1))
        for name in [*names, MANIFEST]:
            _sync(draft / name)
        _sync(draft)
        shutil.rmtree(final, ignore_errors=True)
        draft.rename(final)
        _sync(self.root)
        self._collect()
        return final

    def newest(self) -> Path | None:
        """The newest checkpoint whose files match its manifest; torn ones are passed over."""
        return next((folder for folder in reversed(self._folders()) if is_whole(folder)), None)

    def _folders(self) -> list[Path]:
        return sorted(self.root.glob("step-*")) if self.root.exists() else []

    def _collect(self) -> None:
        oldest = time.time() - _ABANDONED_SECONDS
        drafts = [draft for draft in self.root.glob(".draft-*") if _touched(draft) < oldest]
        for folder in [*self._folders()[: -self.keep], *drafts]:
            shutil.rmtree(folder, ignore_errors=True)


def is_whole(folder: Path) -> bool:
    """True when the manifest is there and every file it names has the digest it names."""
    try:
        files = json.loads((folder / MANIFEST).read_text())["files"]
        return all(_digest(folder / name) == digest for name, digest in files.items())
    except (OSError, ValueError, KeyError):
        return False


def _touched(folder: Path) -> float:
    """When the folder or a file in it last changed; 0.0 when it is gone meanwhile."""
    try:
        return max(path.stat().st_mtime for path in (folder, *folder.iterdir()))
    except OSError:
        return 0.0


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
