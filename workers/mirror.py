"""Checkpoints at an fsspec URL: whole or not there, as on disk. The manifest is uploaded last."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path
from typing import Any

import fsspec

from workers.checkpoints import MANIFEST, adopt, files_of, is_whole, make_draft

log = logging.getLogger(__name__)


class Mirror:
    """The checkpoints of one trial under `url`. Every method may raise what the file system's own
    library raises: there is no common class of these."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._opened: tuple[Any, str] | None = None

    def names(self) -> list[str]:
        """The checkpoints that have a manifest, the newest first."""
        files, root = self._open()
        found = [Path(str(path).rstrip("/")).name for path in self._list(root)]
        steps = sorted((name for name in found if name.startswith("step-")), reverse=True)
        return [name for name in steps if files.exists(f"{root}/{name}/{MANIFEST}")]

    def push(self, checkpoint: Path, keep: int) -> None:
        """Upload a whole checkpoint, then delete all but the newest `keep`. What an earlier try
        left of it is replaced."""
        files, root = self._open()
        target = f"{root}/{checkpoint.name}"
        # Without its manifest it is no checkpoint while files of it change.
        self._delete(f"{target}/{MANIFEST}")
        names = [name for name in files_of(checkpoint) if name != MANIFEST]
        for name in [*names, MANIFEST]:
            files.makedirs(f"{target}/{name}".rpartition("/")[0], exist_ok=True)
            files.put_file(str(checkpoint / name), f"{target}/{name}")
        for name in self.names()[keep:]:
            self._drop(name)

    def fetch(self, name: str, root: Path) -> Path | None:
        """Download a checkpoint into `root`. None when it is torn: its files are not those that
        its manifest names."""
        files, there = self._open()
        draft = make_draft(root, name)
        try:
            files.get_file(f"{there}/{name}/{MANIFEST}", str(draft / MANIFEST))
            for file in _named(draft / MANIFEST):
                # A file that is missing there is missing here, and the digests say so.
                if files.exists(f"{there}/{name}/{file}"):
                    (draft / file).parent.mkdir(parents=True, exist_ok=True)
                    files.get_file(f"{there}/{name}/{file}", str(draft / file))
            if not is_whole(draft):
                log.warning("the checkpoint %s/%s is torn and passed over", self._url, name)
                return None
            # Another trial that goes on from it may have been faster, and is reading it. What stays
            # because it cannot be read now is of no use here either.
            placed = adopt(draft, root / name, first_stays=True)
            return root / name if placed or is_whole(root / name) else None
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def remove(self) -> None:
        """Delete all of the trial's checkpoints there."""
        for path in self._list(self._open()[1]):
            self._drop(Path(str(path).rstrip("/")).name)
        self._delete(self._open()[1], recursive=True)

    def _drop(self, name: str) -> None:
        """Manifest first: a deletion that breaks off leaves no checkpoint that looks whole."""
        root = self._open()[1]
        self._delete(f"{root}/{name}/{MANIFEST}")
        self._delete(f"{root}/{name}", recursive=True)

    def _delete(self, path: str, *, recursive: bool = False) -> None:
        files, _ = self._open()
        if files.exists(path):
            files.rm(path, recursive=recursive)

    def _list(self, path: str) -> list[Any]:
        files, _ = self._open()
        # Others write there too: what was listed before is not remembered.
        files.invalidate_cache()
        try:
            return list(files.ls(path, detail=False))
        except FileNotFoundError:
            return []

    def _open(self) -> tuple[Any, str]:
        if self._opened is None:
            files, path = fsspec.core.url_to_fs(self._url)
            self._opened = files, str(path).rstrip("/")
        return self._opened


def _named(manifest: Path) -> list[str]:
    """The files of a checkpoint by its manifest; none that would lie outside of it."""
    try:
        names = json.loads(manifest.read_text())["files"]
        return [name for name in names if ".." not in Path(name).parts and name[:1] != "/"]
    except (ValueError, KeyError, TypeError):
        return []
