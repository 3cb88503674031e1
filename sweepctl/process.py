"""Processes: who descends from whom, who dies with whom. None is ever named by a pattern."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import time

import psutil

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
_POLL = 0.05


def die_with_parent() -> None:
    """Ask the kernel to send this process SIGTERM when the thread that started it ends.

    It survives exec, so it is fit for `preexec_fn`. Does nothing outside Linux.
    """
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)


def adopt_orphans() -> None:
    """From now on descendants whose parent ends become children of this process, not of init."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def descendants(root: int) -> set[int]:
    """Ids of all living processes below `root`; zombies are not alive."""
    try:
        below = psutil.Process(root).children(recursive=True)
    except psutil.NoSuchProcess:
        return set()
    return {process.pid for process in below if _alive(process)}


def end_descendants(grace: float) -> set[int]:
    """SIGTERM to the children of this process, SIGKILL to all below it after `grace` seconds.

    A child that ends leaves its own children to us, who are told in turn. Call it when none of
    them is waited for any more: it reaps them. Returns the ids that had to be killed. Right only
    after `adopt_orphans`, else a daemonized process is missed.
    """
    told: set[int] = set()
    killed: set[int] = set()
    deadline = time.monotonic() + grace
    while True:
        reap()
        alive = descendants(os.getpid())
        if not alive or time.monotonic() > deadline + 10:
            return killed
        if time.monotonic() > deadline:
            for pid in alive - killed:
                _send(pid, signal.SIGKILL)
            killed |= alive
        else:
            for pid in (alive & _children()) - told:
                _send(pid, signal.SIGTERM)
                told.add(pid)
        time.sleep(_POLL)


def end_group(pgid: int, signum: signal.Signals) -> None:
    """Signal a process group; one that is gone is no error."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pgid, signum)


def reap() -> list[int]:
    """Collect children that have ended, adopted ones too; returns their ids."""
    ended: list[int] = []
    with contextlib.suppress(ChildProcessError):
        while (pid := os.waitpid(-1, os.WNOHANG)[0]) != 0:
            ended.append(pid)
    return ended


def _children() -> set[int]:
    return {process.pid for process in psutil.Process().children()}


def _send(pid: int, signum: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signum)


def _alive(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
