"""The driver's copy of the journal: on disk before anybody acts on it."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from sweeps.journal import Body, Entry, Story, apply, fold
from workers.sinks.base import Sink

log = logging.getLogger(__name__)
# A driver that cannot write its journal ends with this code (EX_IOERR).
NOT_WRITTEN = 74


_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS}


def no_room(error: OSError) -> bool:
    """True when the disk is full or broken, which passes without anything of ours changing."""
    return error.errno in _NO_ROOM


class Book:
    """Gives every entry its seq, writes it to the spool (fsync), applies it, and hands it on.

    `story` is always the fold of everything written so far.
    """

    def __init__(self, path: Path, known: Sequence[Entry]) -> None:
        """`known` is what the service has. What only this spool knows is kept when it continues
        that; a spool that contradicts it was written under a lease since lost, and is replaced."""
        self.folder = path.parent
        self._path = path
        spooled = read_spool(path)
        # Compared as text: NaN does not equal itself.
        fits = [e.model_dump_json() for e in known] == [
            e.model_dump_json() for e in spooled[: len(known)]
        ]
        self.entries = spooled if fits and len(spooled) >= len(known) else list(known)
        self.story: Story = fold(self.entries)
        self._sinks: list[Sink] = []
        path.parent.mkdir(parents=True, exist_ok=True)
        _rewrite(path, self.entries)
        self._file = path.open("ab")

    def attach(self, sink: Sink) -> None:
        """Add a sink; it takes every entry so far, then each new one."""
        for entry in self.entries:
            sink.take(entry)
        self._sinks.append(sink)

    def append(self, body: Body) -> None:
        """Write one entry. It is on disk and in the story when this returns.

        Ends this process when the disk does not take it: what is not written must not be acted on,
        and Ray catches what some of its hooks raise.
        """
        entry = Entry(seq=self.story.seq + 1, at=_now(), body=body)
        # In the story first: an entry that does not fit must not reach the disk.
        apply(self.story, body)
        try:
            self._file.write(entry.model_dump_json().encode() + b"\n")
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            log.critical("entry %d was not written to %s: %s", entry.seq, self._path, error)
            os._exit(NOT_WRITTEN)
        self.story.seq = entry.seq
        self.entries.append(entry)
        for sink in self._sinks:
            sink.take(entry)

    def put_aside(self) -> None:
        """Give the spool another name, so that the next driver starts from the service's journal.

        The file stays open: what is still appended goes into it, and nobody reads that again.
        """
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        self._path.rename(self._path.with_name(f"{self._path.stem}.refused-{stamp}.jsonl"))

    def close(self) -> None:
        """Close the spool file."""
        self._file.close()


def read_spool(path: Path) -> list[Entry]:
    """The entries of a spool file, in order from seq 1; a torn tail is left out."""
    entries: list[Entry] = []
    if not path.exists():
        return entries
    for line in path.read_bytes().split(b"\n"):
        try:
            entry = Entry.model_validate_json(line)
        except ValidationError:
            break
        if entry.seq != len(entries) + 1:
            break
        entries.append(entry)
    return entries


def _rewrite(path: Path, entries: list[Entry]) -> None:
    draft = path.with_suffix(".draft")
    with draft.open("wb") as file:
        for entry in entries:
            file.write(entry.model_dump_json().encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
