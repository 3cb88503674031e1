from __future__ import annotations

import os
import signal
import subprocess
import sys

import psutil
from asking import until

from sweepctl.process import descendants, die_with_parent, end_group

SLEEP = "import time; time.sleep(60)"


def test_descendants_are_found_at_any_depth() -> None:
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SLEEP!r}])"
    child = subprocess.Popen([sys.executable, "-c", code])
    try:
        until(lambda: len(descendants(child.pid)) == 1)
        assert child.pid in descendants(os.getpid())
    finally:
        for pid in [*descendants(child.pid), child.pid]:
            os.kill(pid, signal.SIGKILL)
        child.wait()
    assert descendants(child.pid) == set()


def test_a_child_dies_with_its_parent() -> None:
    code = (
        "import subprocess, sys, time\n"
        "from sweepctl.process import die_with_parent\n"
        f"child = subprocess.Popen([sys.executable, '-c', {SLEEP!r}], preexec_fn=die_with_parent)\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert psutil.pid_exists(child)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    until(lambda: not psutil.pid_exists(child) or psutil.Process(child).status() == "zombie")


def test_end_descendants_ends_daemons_and_those_who_do_not_listen() -> None:
    # The grandchild leaves its session and its parent, and ignores SIGTERM.
    stubborn = "import os, signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(60)"
    middle = (
        "import subprocess, sys\n"
        f"subprocess.Popen([sys.executable, '-c', {stubborn!r}], start_new_session=True)\n"
    )
    code = (
        "import os, subprocess, sys, time\n"
        "from sweepctl.process import adopt_orphans, descendants, end_descendants\n"
        "adopt_orphans()\n"
        f"subprocess.run([sys.executable, '-c', {middle!r}])\n"
        "time.sleep(0.5)\n"
        "before = descendants(os.getpid())\n"
        "killed = end_descendants(0.3)\n"
        "print(len(before), killed == before, len(descendants(os.getpid())))\n"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert said.stdout.split() == ["1", "True", "0"], said.stderr


def test_a_group_that_is_gone_is_no_error() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""], start_new_session=True)
    child.wait()
    end_group(child.pid, signal.SIGTERM)


def test_dying_with_the_parent_is_harmless_here() -> None:
    die_with_parent()
    assert psutil.pid_exists(os.getpid())
