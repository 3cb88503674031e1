"""The metric spool: every metric of a trial on disk, before anybody ships it to MLflow."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

# A reader takes this much of the file at a time; a line is far shorter.
CHUNK_BYTES = 1 << 20


class Point(NamedTuple):
    """One value of one metric. `timestamp` is in ms since the epoch, `step` is samples_seen."""

    key: str
    value: float
    timestamp: int
    step: int


class MetricSpool:
    """Append-only JSONL of a trial's metrics, in the trial's folder; all its attempts share it.

    A line is `{"t": ms, "s": step, "m": {key: value}}`, with NaN and the infinities as strings.
    Opening an existing spool mends a line that a kill tore, and learns the last step of each key:
    steps that a resumed attempt runs again are not written twice. Every `append` is one write to
    the file, so other processes can follow it and kill -9 loses nothing; a power cut may lose the
    tail (no fsync). A full disk raises OSError.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        _mend(path)
        self._last: dict[str, int] = {}
        for point in _all_points(path):
            self._last[point.key] = max(point.step, self._last.get(point.key, point.step))
        self._file = path.open("ab", buffering=0)

    def append(self, step: int, metrics: Mapping[str, float]) -> None:
        """Write the metrics of one step; their time is now. Values not later than the last step
        of their key are dropped."""
        fresh = {
            key: _written(float(value))
            for key, value in metrics.items()
            if key not in self._last or step > self._last[key]
        }
        if not fresh:
            return
        line = {"t": time.time_ns() // 1_000_000, "s": step, "m": fresh}
        rest = memoryview(json.dumps(line, separators=(",", ":")).encode() + b"\n")
        while rest:
            rest = rest[self._file.write(rest) :]
        self._last.update(dict.fromkeys(fresh, step))

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_points(path: Path, offset: int = 0) -> tuple[list[Point], int]:
    """The points of the whole lines from `offset` on, and the offset behind the last of them.

    Reads about a megabyte; call again until the offset stays. A line that is still being written
    is left for the next call, one that is no record (a power cut's zeros) is skipped. A file that
    is not there yet has no points.
    """
    if not path.exists():
        return [], offset
    with path.open("rb") as file:
        file.seek(offset)
        chunk = file.read(CHUNK_BYTES)
        if len(chunk) == CHUNK_BYTES:
            chunk += file.readline()
    whole = chunk[: chunk.rfind(b"\n") + 1]
    points = [point for line in whole.splitlines() for point in _points(line)]
    return points, offset + len(whole)


def _all_points(path: Path) -> Iterator[Point]:
    offset, end = 0, -1
    while offset != end:
        end = offset
        points, offset = read_points(path, end)
        yield from points


def _points(line: bytes) -> list[Point]:
    try:
        record: Any = json.loads(line)
        time_ms, step = int(record["t"]), int(record["s"])
        return [Point(key, float(v), time_ms, step) for key, v in record["m"].items()]
    except (ValueError, TypeError, KeyError, AttributeError):
        return []


def _mend(path: Path) -> None:
    """End the file with a whole line: a record that only lacks its newline gets it, a torn one
    is cut off. Readers never went past the last newline, so they notice nothing."""
    if not path.exists():
        return
    with path.open("r+b") as file:
        content = file.read()
        kept = content.rfind(b"\n") + 1
        if kept == len(content):
            return
        if _points(content[kept:]):
            file.write(b"\n")
        else:
            file.truncate(kept)


def _written(value: float) -> float | str:
    # JSON has no NaN and no infinities; float() reads these names back.
    return value if value - value == 0 else str(value)
