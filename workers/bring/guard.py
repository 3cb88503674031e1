"""Runs one command and leaves nothing of it behind. Started by `workers.bring.child`, as a file.

`python guard.py FOLDER... -- PROGRAM ARGUMENT...`: the command runs in a session of its own.
SIGTERM is handed to its process group; SIGINT and SIGHUP mean somebody else. When it ends, when the
worker writes to standard input and when that ends, for the worker has died, whatever the command
started is killed. The folders are the worker's to delete; where it died, they are deleted here. The
exit status is the command's, 128 + n after signal n.
"""

from __future__ import annotations

import ctypes
import os
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress

import psutil

NOT_FOUND = 127
_PR_SET_CHILD_SUBREAPER = 36


def main(arguments: list[str]) -> int:
    """Run a command to its end: `arguments` are the folders, then the command's own. Returns its
    exit status."""
    end = arguments.index("--")
    try:
        return _run(arguments[end + 1 :])
    finally:
        _kill_all()
        if _worker_died():
            for folder in arguments[:end]:
                shutil.rmtree(folder, ignore_errors=True)


def _run(command: list[str]) -> int:
    _adopt()
    began: list[subprocess.Popen[bytes]] = []
    signal.signal(signal.SIGTERM, lambda *_: _terminate(began))
    for number in (signal.SIGINT, signal.SIGHUP):
        # Not SIG_IGN, which the command would inherit.
        signal.signal(number, lambda *_: None)
    try:
        began.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True))
    except (OSError, ValueError) as error:
        print(f"{command[0]} cannot be started: {error}", file=sys.stderr, flush=True)
        return NOT_FOUND
    threading.Thread(target=_watch, daemon=True).start()
    status = began[0].wait()
    return status if status >= 0 else 128 - status


def _adopt() -> None:
    """Whatever loses its parent below this process becomes its child (Linux only)."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)


def _terminate(began: list[subprocess.Popen[bytes]]) -> None:
    for child in began:
        if child.returncode is None:
            # It may have ended since; what it started is killed by `main` then.
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGTERM)


def _watch() -> None:
    os.read(sys.stdin.fileno(), 1)
    _kill_all()


def _worker_died() -> bool:
    """Whether nobody holds the other end of standard input any more."""
    poll = select.poll()
    poll.register(sys.stdin.fileno())
    return any(event & select.POLLHUP for _, event in poll.poll(0))


def _kill_all() -> None:
    """Kill until nothing is left: a process may start another while it is looked for."""
    while True:
        left = [child for child in psutil.Process().children(recursive=True) if _runs(child)]
        if not left:
            return
        for child in left:
            # Its own parent may have seen to its end since it was looked for.
            with suppress(psutil.NoSuchProcess):
                child.kill()
        time.sleep(0.01)


def _runs(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
