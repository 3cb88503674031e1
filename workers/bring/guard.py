"""Runs one command and leaves nothing of it behind. Started by `workers.bring.child`, as a file.

`python guard.py FOLDER PROGRAM ARGUMENT...`: the command runs in a session of its own. SIGTERM is
handed to its process group. When it ends, and when standard input ends, which is also when the
worker dies, whatever it started is killed, and the folder is deleted. The exit status is the
command's, 128 + n after signal n.
"""

from __future__ import annotations

import ctypes
import os
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
    """Run a command to its end: `arguments` are the folder, then the command's own. Returns its
    exit status."""
    folder, *command = arguments
    try:
        return _run(command)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(command: list[str]) -> int:
    _adopt()
    began: list[subprocess.Popen[bytes]] = []
    signal.signal(signal.SIGTERM, lambda *_: _terminate(began))
    try:
        began.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True))
    except (OSError, ValueError) as error:
        print(f"{command[0]} cannot be started: {error}", file=sys.stderr, flush=True)
        return NOT_FOUND
    threading.Thread(target=_watch, daemon=True).start()
    status = began[0].wait()
    _kill_all()
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
    while os.read(sys.stdin.fileno(), 1024):
        pass
    _kill_all()


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
