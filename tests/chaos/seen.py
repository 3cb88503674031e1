"""What runs at this moment, as the kernel tells it: who trains which trial, who drives which sweep.

Nothing is asked of the service here: it may be the one that is dead.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# A trial whose metrics did not grow for so long is not training.
FRESH_SECONDS = 1.5
# How much of the end of a file of metrics holds a whole line.
_TAIL_BYTES = 4096
_RANKS = ("ray::Rank.lead", "ray::Rank.follow")
_METRICS = re.compile(r"/sweeps/(swp_\w+)/trials/(\d+)/metrics\.jsonl$")
_JOURNAL = re.compile(r"/sweeps/(swp_\w+)/journal\.(?:jsonl|draft)")


@dataclass(frozen=True)
class Training:
    """A worker that wrote a step of a trial just now; `samples` are behind that step."""

    pid: int
    sweep: str
    trial: int
    samples: int = 0

    def __str__(self) -> str:
        return f"trial {self.trial} of {self.sweep[:8]} at {self.samples} by {self.pid}"


@dataclass(frozen=True)
class Driving:
    """A driver that has the journal of a sweep open."""

    pid: int
    parent: int
    sweep: str


def marked(mark: str) -> Iterator[int]:
    """Every process with `mark` in its environment, this one left out."""
    wanted = mark.encode()
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != os.getpid():
            try:
                if wanted in Path(f"/proc/{name}/environ").read_bytes() and alive(int(name)):
                    yield int(name)
            except OSError:
                continue


def training(mark: str) -> list[Training]:
    """Who trains now."""
    found = []
    for pid in marked(mark):
        for path in _open_files(pid):
            match = _METRICS.search(path)
            if match and _age(path) < FRESH_SECONDS:
                found.append(Training(pid, match[1], int(match[2]), _samples(path)))
    return sorted(found, key=lambda one: (one.sweep, one.trial, one.pid))


def ranks(mark: str) -> list[int]:
    """The processes that run a part of a divided trial now, as Ray names them."""
    return [pid for pid in marked(mark) if command(pid).startswith(_RANKS)]


def driving(mark: str) -> list[Driving]:
    """Who drives now."""
    found = []
    for pid in marked(mark):
        if b"workers.driver" in _read(pid, "cmdline"):
            match = next(filter(None, map(_JOURNAL.search, _open_files(pid))), None)
            if match:
                found.append(Driving(pid, parent(pid), match[1]))
    return sorted(found, key=lambda one: one.pid)


def alive(pid: int) -> bool:
    """Whether the process is there and no zombie."""
    return state(pid) not in ("", "Z", "X")


def state(pid: int) -> str:
    """The kernel's letter for the state of a process, "" when there is none."""
    fields = _stat(pid)
    return fields[0] if fields else ""


def parent(pid: int) -> int:
    """The parent's id, 0 when there is none."""
    fields = _stat(pid)
    return int(fields[1]) if fields else 0


def command(pid: int) -> str:
    """The command line of a process."""
    return _read(pid, "cmdline").replace(b"\0", b" ").decode(errors="replace").strip()


def ancestors(pid: int) -> list[int]:
    """The ids of all processes above one."""
    found = []
    while (pid := parent(pid)) > 1:
        found.append(pid)
    return found


def _stat(pid: int) -> list[str]:
    # The name in parentheses may hold anything, parentheses too.
    return _read(pid, "stat").decode(errors="replace").rpartition(")")[2].split()


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""


def _open_files(pid: int) -> list[str]:
    found = []
    try:
        for name in os.listdir(f"/proc/{pid}/fd"):
            found.append(os.readlink(f"/proc/{pid}/fd/{name}"))
    except OSError:
        pass
    return found


def _age(path: str) -> float:
    try:
        return time.time() - Path(path).stat().st_mtime
    except OSError:
        return float("inf")


def _samples(path: str) -> int:
    """The step of the last whole line of a file of metrics, 0 when there is none."""
    try:
        with Path(path).open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL_BYTES))
            lines = file.read().split(b"\n")[:-1]
        return int(json.loads(lines[-1])["s"]) if lines else 0
    except (OSError, ValueError, KeyError):
        return 0
