"""Digests of data sources, made no oftener than the sources may have changed."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from workers.recipes.parts.rows import Source

# A file that was written just now may be written again within one tick of its file system's clock,
# with the same size: what is known of it counts once it has lain for so long.
_SETTLED_NS = 2 * 10**9
_Stamp = tuple[int, int, int]


class Digests:
    """The digests of one trial's sources; `cache` is that of the worker.

    A file is read again when its size or its times are others than they were. A hub data set is
    asked for once a trial: it may change at any time, and each look costs a request.
    """

    def __init__(self, cache: dict[str, Any]) -> None:
        self._files: dict[Path, tuple[_Stamp, str]] = cache.setdefault("sft.digests", {})
        self._hub: dict[Source, str] = {}

    def of(self, source: Source) -> str:
        """What `source.digest()` is. Raises what it raises."""
        if source.path is None:
            if source not in self._hub:
                self._hub[source] = source.digest()
            return self._hub[source]
        now, stamp = time.time_ns(), _stamp(source.path)
        known = self._files.get(source.path)
        if known is not None and known[0] == stamp:
            return known[1]
        digest = source.digest()
        if now - stamp[1] > _SETTLED_NS:
            self._files[source.path] = stamp, digest
        return digest


def _stamp(path: Path) -> _Stamp:
    found = path.stat()
    # The last one changes with every write, also where the one before it is set back.
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns
