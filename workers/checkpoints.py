"""Checkpoint folders: whole or not there. The manifest with digests is written last."""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import os
import shutil
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from sweeps.keeping import PER_TRIAL

log = logging.getLogger(__name__)
MANIFEST = "manifest.json"
KEEP = PER_TRIAL
# A draft that nobody has written to for so long was left by a crash.
_ABANDONED_SECONDS = 3600.0
# What says that a file is not there, not that it cannot be read just now.
_MISSING = (FileNotFoundError, NotADirectoryError, IsADirectoryError)


class Copies(Protocol):
    """Where whole checkpoints are copied to, beside the folder."""

    @property
    def busy(self) -> Path | None:
        """The checkpoint that is being copied: it must stay until it is over."""
        ...

    def offer(self, checkpoint: Path, keep: int) -> None:
        """Copy this one when there is time for it, and keep the newest `keep`. Never waits."""
        ...

    def bring(self, root: Path, newer_than: str) -> Path | None:
        """Fetch the newest whole copy whose name is behind `newer_than` into `root`."""
        ...

    def settle(self, seconds: float) -> bool:
        """Wait until what was offered is copied. False: that took longer, or failed."""
        ...


class CheckpointFolder:
    """The checkpoints of one trial: `step-00000012/` folders, the newest `keep` of them kept.

    With `copies`, each is copied there too, and the newest of both places counts.
    """

    # Whether a whole checkpoint stays when the same step is written again.
    first_stays = False

    def __init__(self, root: Path, keep: int = KEEP, copies: Copies | None = None) -> None:
        self.root = root
        self.keep = keep
        self._copies = copies

    def write(self, step: int, fill: Callable[[Path], None], *, last: bool = False) -> Path:
        """Let `fill` write files into a new folder, then make it the checkpoint of `step`.

        The folder appears under its name only when every file and the manifest are on disk, so a
        crash at any moment leaves the one before. The `last` of a trial stays alone. Returns the
        folder; where the first stays and was there, what `fill` wrote is dropped.
        """
        final = self.root / step_name(step)
        draft = self.draft(step)
        try:
            fill(draft)
            names = files_of(draft)
            manifest = {"step": step, "files": {name: _digest(draft / name) for name in names}}
            (draft / MANIFEST).write_text(json.dumps(manifest, indent=1))
            ours = adopt(draft, final, first_stays=self.first_stays)
        finally:
            # What has its name by now is no draft any more.
            shutil.rmtree(draft, ignore_errors=True)
        if self.first_stays and not ours:
            return final
        keep = 1 if last else self.keep
        self._collect(keep)
        if self._copies is not None:
            self._copies.offer(final, keep)
        return final

    def newest(self) -> Path | None:
        """The newest checkpoint whose files match its manifest; those that are torn, or cannot be
        read, are passed over."""
        here = next((folder for folder in reversed(self._folders()) if _can_be_used(folder)), None)
        if self._copies is None:
            return here
        return self._copies.bring(self.root, here.name if here else "") or here

    def settle(self, seconds: float) -> bool:
        """Wait until the copies have what this folder has, at most so long. True when they do."""
        return self._copies is None or self._copies.settle(seconds)

    def draft(self, step: int) -> Path:
        """A new empty folder, for the checkpoint of `step`."""
        return make_draft(self.root, step_name(step))

    def _folders(self) -> list[Path]:
        return sorted(self.root.glob("step-*")) if self.root.exists() else []

    def _collect(self, keep: int) -> None:
        oldest = time.time() - _ABANDONED_SECONDS
        drafts = [draft for draft in self.root.glob(".draft-*") if _touched(draft) < oldest]
        busy = self._copies.busy if self._copies else None
        for folder in [*self._folders()[:-keep], *drafts]:
            if folder != busy:
                shutil.rmtree(folder, ignore_errors=True)


def step_name(step: int) -> str:
    """The name of a checkpoint's folder. Names sort like their steps."""
    return f"step-{step:08d}"


def step_of(name: str) -> int:
    """The step in a name that `step_name` made."""
    return int(name.removeprefix("step-"))


def make_draft(root: Path, name: str) -> Path:
    """A new empty folder in `root`, in which checkpoint `name` is put together."""
    draft = _draft_path(root, name)
    draft.mkdir(parents=True)
    return draft


def _draft_path(root: Path, name: str) -> Path:
    # Not told apart by process: on a shared disk those of two nodes may have the same number.
    return root / f".draft-{name}-{uuid.uuid4().hex}"


def adopt(draft: Path, final: Path, *, first_stays: bool = False) -> bool:
    """Bring a draft with its manifest to disk, then give it its name, in place of an older one.

    `first_stays`: a whole one of that name is not touched, for somebody may be reading it, nor one
    that cannot be read just now. False, with the draft left, when there was one, or when another
    process was faster: a worker that was thought lost runs the same steps, and its checkpoint is
    as good.
    """
    for path in draft.rglob("*"):
        _sync(path)
    _sync(draft)
    if first_stays:
        placed = _placed(draft, final) or (_cleared(final) and _placed(draft, final))
    else:
        shutil.rmtree(_set_aside(final), ignore_errors=True)
        placed = _placed(draft, final)
    _sync(final.parent)
    return placed


def _cleared(final: Path) -> bool:
    """Delete a checkpoint that is torn. False: it is not, or nobody can say, and it stays."""
    if _may_be_whole(final):
        return False
    # Since that look another writer may have put a whole one there: what was moved is looked at.
    aside = _set_aside(final)
    if aside.exists() and _may_be_whole(aside) and _placed(aside, final):
        return False
    shutil.rmtree(aside, ignore_errors=True)
    return True


def _may_be_whole(folder: Path) -> bool:
    try:
        return is_whole(folder)
    except OSError as error:
        log.warning("the checkpoint %s cannot be read, and stays: %s", folder, error)
        return True


def _set_aside(final: Path) -> Path:
    """Move a checkpoint, if there is one, to a new name under which nobody looks for it. Should we
    die, it is deleted with the abandoned drafts."""
    aside = _draft_path(final.parent, final.name)
    with suppress(FileNotFoundError):
        final.rename(aside)
    return aside


def _placed(draft: Path, final: Path) -> bool:
    """Rename, all or nothing. False when a folder with files is there."""
    try:
        draft.rename(final)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        return False
    return True


def files_of(folder: Path) -> list[str]:
    """The files in a folder and the folders in it, by their paths from there, sorted."""
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def is_whole(folder: Path) -> bool:
    """True when the manifest is there and every file it names has the digest it names. Raises
    OSError when that cannot be read: whether it is whole is not known then."""
    try:
        files = json.loads((folder / MANIFEST).read_text())["files"]
        return all(_digest(folder / name) == digest for name, digest in files.items())
    except (*_MISSING, ValueError, KeyError, TypeError, AttributeError):
        return False


def _can_be_used(folder: Path) -> bool:
    try:
        return is_whole(folder)
    except OSError as error:
        log.warning("the checkpoint %s cannot be read and is passed over: %s", folder, error)
        return False


def _touched(folder: Path) -> float:
    """When the folder or a file in it last changed; 0.0 when it is gone meanwhile."""
    try:
        return max(path.stat().st_mtime for path in (folder, *folder.rglob("*")))
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
