from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from asking import until

# The worker starts a daemon, tells its ids, and then waits for a signal.
WORKER = """
import os, subprocess, sys, time
from sweepctl.guard import InterruptError, Signals, split
code = split()
if code is not None:
    sys.exit(code)
signals = Signals()
daemon = "import time; time.sleep(60)"
start = f"subprocess.Popen([sys.executable, '-c', {daemon!r}], start_new_session=True)"
middle = f"import subprocess, sys; {start}"
subprocess.run([sys.executable, "-c", middle])
print(os.getpid(), flush=True)
try:
    while True:
        signals.check()
        time.sleep(0.02)
except InterruptError as error:
    print("asked by", error.signum.name, flush=True)
    sys.exit(7)
"""


def start() -> tuple[subprocess.Popen[str], int, list[psutil.Process]]:
    guard = subprocess.Popen(
        [sys.executable, "-c", WORKER], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert guard.stdout is not None
    worker = int(guard.stdout.readline())
    below = psutil.Process(guard.pid).children(recursive=True)
    assert len(below) == 2, "worker and daemon"
    return guard, worker, below


def gone(below: list[psutil.Process]) -> bool:
    return not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in below)


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_are_handed_on_and_the_exit_code_comes_back(signum: signal.Signals) -> None:
    guard, _, below = start()
    guard.send_signal(signum)
    out, _ = guard.communicate(timeout=20)
    assert out.strip() == f"asked by {signum.name}"
    assert guard.returncode == 7
    assert gone(below)


def test_kill_of_the_worker_leaves_nothing() -> None:
    guard, worker, below = start()
    os.kill(worker, signal.SIGKILL)
    _, err = guard.communicate(timeout=20)
    assert guard.returncode == 128 + signal.SIGKILL
    assert "killed by signal 9" in err
    assert gone(below)


def test_kill_of_the_guard_asks_the_worker_to_end(tmp_path: Path) -> None:
    guard, worker, below = start()
    guard.kill()
    guard.wait()
    alone = psutil.Process(worker) if psutil.pid_exists(worker) else None
    until(lambda: alone is None or not alone.is_running() or alone.status() == "zombie")
    # This worker does not clean up; a stack does (test_up).
    for process in below:
        if process.is_running() and process.pid != worker:
            process.kill()


def test_a_worker_that_returns_ends_the_guard_at_once() -> None:
    code = (
        "import sys\nfrom sweepctl.guard import split\ncode = split()\n"
        "print('guard' if code is not None else 'worker', flush=True)\n"
        "sys.exit(0 if code is None else code + 3)\n"
    )
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20)
    assert done.stdout.split() == ["worker", "guard"]
    assert done.returncode == 3
    assert time.monotonic() - began < 10
