"""Where models and data may be read from: the pool's data roots, checked by real path."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from sweeps.errors import Fault, SpecError
from sweeps.faults import shorten

_HUB_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}")
_FILE_ENDINGS = (".jsonl", ".json", ".csv", ".tsv", ".txt", ".parquet", ".arrow", ".gz", ".zst")


@dataclass(frozen=True)
class DataRoots:
    """Folders of a pool under which models and data may lie. Relative names start at the first."""

    folders: tuple[Path, ...]

    def resolve(self, name: str, pointer: str) -> Path:
        """The real path of a file or folder under one of the roots, the first that has it.

        Raises SpecError naming `pointer` when it is not there or lies outside (also by a symlink).
        """
        path = Path(name)
        tried = [path] if path.is_absolute() else [root / path for root in self.folders]
        for candidate in tried:
            real = _real(candidate)
            if real is not None and any(real.is_relative_to(_real(r) or r) for r in self.folders):
                return real
        raise self._missing(name, pointer)

    def find(self, name: str, pointer: str) -> Path | None:
        """Like resolve, but None for what can only be a hub id: `owner/name`, not under a root.

        A name that ends like a data file is never a hub id. Raises SpecError as resolve does,
        also for a hub id that is a path in the working folder: loaders would prefer that path.
        """
        is_hub_id = _HUB_ID.fullmatch(name) and not name.lower().endswith(_FILE_ENDINGS)
        if not is_hub_id or any(_real(root / name) for root in self.folders):
            return self.resolve(name, pointer)
        if _real(Path(name)):
            raise self._missing(name, pointer)
        return None

    def _missing(self, name: str, pointer: str) -> SpecError:
        roots = ", ".join(str(folder) for folder in self.folders) or "none are set"
        message = "there is no such file or folder under the data roots of this pool"
        mend = f"Put it under one of them ({roots}), or add a root to SWEEP_DATA_ROOTS."
        return SpecError([Fault(pointer, shorten(name), message, mend)])


def _real(path: Path) -> Path | None:
    """The path with every symlink followed; None when nothing readable is there."""
    try:
        return path.resolve(strict=True)
    except (OSError, RuntimeError, ValueError):
        # Not there or not ours to enter; a loop of links; a null byte in the name.
        return None
