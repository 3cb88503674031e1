"""Two processes for one command, so that a kill -9 of either leaves nothing behind.

The guard is the process that the shell knows. It forks the worker into a session of its own,
hands signals on and waits. It adopts every orphan: when the worker is killed, the guard ends what
the worker had started. When the guard is killed, the kernel sends the worker SIGTERM, and the
worker stops in good order.
"""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

from sweepctl.process import adopt_orphans, die_with_parent, end_descendants

# What the servers get to save and close when their supervisor was killed.
GRACE_AFTER_KILL = 30.0
_HANDED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def split() -> int | None:
    """Fork. Returns None in the worker, and in the guard the exit code when the worker has ended.

    Call it before any thread is started.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    adopt_orphans()
    guard = os.getpid()
    # Blocked until both sides have their handlers, so that no signal falls between.
    signal.pthread_sigmask(signal.SIG_BLOCK, _HANDED_ON)
    worker = os.fork()
    if worker == 0:
        os.setsid()
        die_with_parent()
        if os.getppid() != guard:
            os._exit(1)
        return None

    def hand_on(signum: int, frame: FrameType | None) -> None:
        os.kill(worker, signum)

    for signum in _HANDED_ON:
        signal.signal(signum, hand_on)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _HANDED_ON)
    return _watch(worker)


def _watch(worker: int) -> int:
    while True:
        pid, status = os.wait()
        if pid == worker:
            break
    for signum in _HANDED_ON:
        signal.signal(signum, signal.SIG_IGN)
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        sys.stderr.write(f"the supervisor was killed by signal {-code}; stopping what it started\n")
    end_descendants(GRACE_AFTER_KILL if code < 0 else 2.0)
    return code if code >= 0 else 128 - code


class InterruptError(Exception):
    """A signal asked for the end; the exit code is 128 + its number."""

    def __init__(self, signum: signal.Signals) -> None:
        self.signum = signum
        super().__init__(signum.name)


class Signals:
    """In the worker: the signals that asked it to end, noted in order of arrival."""

    def __init__(self) -> None:
        self.seen: list[signal.Signals] = []
        for signum in _HANDED_ON:
            signal.signal(signum, self._note)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HANDED_ON)

    def _note(self, signum: int, frame: FrameType | None) -> None:
        self.seen.append(signal.Signals(signum))

    def check(self) -> None:
        """Raise InterruptError when a signal has come."""
        if self.seen:
            raise InterruptError(self.seen[0])
