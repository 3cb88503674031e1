"""The worker's end of the local protocol: a Unix socket that the processes of a command join."""

from __future__ import annotations

import os
import selectors
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

from workers.bring.lines import LONGEST, Line, LineError, RankLine, read_line, write_line

# How long a death of the command may go unseen.
_LOOK_SECONDS = 0.1
_PREFIX, _NAME = "sweep-", "socket"
# The longest path of a socket on macOS; on Linux it may have four bytes more.
_PATH_BYTES = 103
# Where sockets go when the path of TMPDIR is too long for one.
_SHORT = "/tmp"  # noqa: S108 - a new folder in it, which only we can read


class SilenceError(Exception):
    """The command said nothing, or took nothing, for too long."""


def scratch_folder(parent: str | None = None) -> TemporaryDirectory[str]:
    """A new empty folder for one command, in `parent` or where temporary files go."""
    return TemporaryDirectory(prefix=_PREFIX, dir=parent, ignore_cleanup_errors=True)


@contextmanager
def meeting_folder(usual: Path) -> Iterator[Path]:
    """A folder whose `socket_in` is a path that a socket can have: `usual`, or where its own path
    is too long a new one, for the socket alone."""
    if len(os.fsencode(socket_in(usual))) <= _PATH_BYTES:
        yield usual
        return
    with scratch_folder(_SHORT) as name:
        yield Path(name)


def socket_in(folder: Path) -> Path:
    """The path for a channel in a folder."""
    return folder / _NAME


@dataclass(eq=False)
class _Peer:
    """One connection. A process that `follows` is told every order and asked nothing."""

    link: socket.socket
    read: bytes = b""
    follows: bool = False


class Channel:
    """Lines from and to the processes that connect to `path`, one after the other or at once.

    In a trial of several processes rank 0 speaks for all, and the others follow: they said so
    (`RankLine`) before they met it in their first collective call.
    """

    def __init__(self, path: Path, silence_seconds: float) -> None:
        self._silence = silence_seconds
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        self._listener.listen(64)
        self._peers: list[_Peer] = []
        self._speaker: _Peer | None = None
        self._heard: deque[tuple[_Peer, Line | LineError]] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hear and say nothing any more."""
        self._listener.close()
        for peer in list(self._peers):
            self._drop(peer)

    def hear(self, alive: Callable[[], bool]) -> Line | None:
        """The next line. None once the command is not `alive` and has nothing left to say.

        Raises LineError for what is no line, and SilenceError.
        """
        deadline = time.monotonic() + self._silence
        while not self._heard:
            # Asked before the look: what it said until its death is there to be read then.
            lived = alive()
            if self._look(_LOOK_SECONDS if lived else 0.0):
                continue
            if not lived:
                return None
            if time.monotonic() > deadline:
                raise SilenceError(f"The command said nothing for {self._silence:g} s.")
        self._speaker, line = self._heard.popleft()
        if isinstance(line, LineError):
            raise line
        return line

    def say(self, data: dict[str, Any]) -> bool:
        """Send a line to whoever spoke last and to those who follow. False when it has gone.

        Raises SilenceError when the command does not read what it asked for.
        """
        # Those who came meanwhile, then what they are.
        self._look(0.0)
        self._look(0.0)
        line = write_line(data)
        told = [self._tell(p, line) for p in list(self._peers) if p is self._speaker or p.follows]
        return any(told)

    def _tell(self, peer: _Peer, line: bytes) -> bool:
        peer.link.settimeout(self._silence)
        try:
            peer.link.sendall(line)
        except TimeoutError:
            raise SilenceError(f"The command took no order for {self._silence:g} s.") from None
        except OSError:
            self._drop(peer)
            return False
        return True

    def _look(self, seconds: float) -> bool:
        """Wait for connections, bytes or their end. False when nothing came."""
        # Not `select.select`: a worker may hold more files than that can count.
        with selectors.PollSelector() as selector:
            for link in (self._listener, *(peer.link for peer in self._peers)):
                selector.register(link, selectors.EVENT_READ)
            ready = [key.fileobj for key, _ in selector.select(seconds)]
        for peer in [peer for peer in self._peers if peer.link in ready]:
            self._receive(peer)
        if self._listener in ready:
            self._peers.append(_Peer(self._listener.accept()[0]))
        return bool(ready)

    def _receive(self, peer: _Peer) -> None:
        try:
            got = peer.link.recv(LONGEST)
        except OSError:
            got = b""
        if not got:
            # What a process left unfinished is no line.
            self._drop(peer)
            return
        *lines, peer.read = (peer.read + got).split(b"\n")
        for text in lines:
            self._take(peer, text)
        if len(peer.read) > LONGEST:
            self._take(peer, peer.read)
            self._drop(peer)

    def _take(self, peer: _Peer, text: bytes) -> None:
        try:
            line = read_line(text)
        except LineError as error:
            self._heard.append((peer, error))
            return
        if isinstance(line, RankLine):
            peer.follows = line.rank > 0
        else:
            self._heard.append((peer, line))

    def _drop(self, peer: _Peer) -> None:
        self._peers.remove(peer)
        peer.link.close()
