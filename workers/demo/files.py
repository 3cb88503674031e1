"""What the demo's folder holds, and whether it is there already. Light: no torch."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from workers.demo import skills

STAMP = "demo.json"


def write_data(folder: Path) -> set[str]:
    """Write data/{train,eval,retention}.jsonl: the new skills with held-out words, and the base's.

    Returns the held-out words.
    """
    held_out = skills.examples(skills.NEW, 200, "eval")
    retention = skills.examples(skills.BASE, 200, "retention")
    avoid = skills.words(held_out) | skills.words(retention)
    skills.write(held_out, folder / "data" / "eval.jsonl")
    skills.write(retention, folder / "data" / "retention.jsonl")
    train = skills.examples(skills.NEW, 8000, "train", avoid)
    skills.write(train, folder / "data" / "train.jsonl")
    return avoid


def is_made(folder: Path) -> bool:
    """True when every file that this version of the code would make is there and whole."""
    try:
        stamp = json.loads((folder / STAMP).read_text())
        files: dict[str, str] = stamp["files"]
        same = all(_digest(folder / name) == digest for name, digest in files.items())
    except (OSError, ValueError, KeyError):
        return False
    return same and stamp["version"] == version()


def stamp(folder: Path) -> None:
    """Note what is in data/ and base/. Written last: without it nothing counts as made."""
    files = [path for name in ("data", "base") for path in (folder / name).iterdir()]
    digests = {str(path.relative_to(folder)): _digest(path) for path in sorted(files)}
    (folder / STAMP).write_text(json.dumps({"version": version(), "files": digests}, indent=1))


def version() -> str:
    """Digest of the code that decides what the files hold."""
    sources = [Path(__file__).parent / name for name in ("files.py", "pretrain.py", "skills.py")]
    return hashlib.sha256("".join(map(_digest, sources)).encode()).hexdigest()


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
