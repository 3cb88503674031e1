from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import psutil
import pytest
from asking import until

from sweepctl import child as module
from sweepctl.child import Child


def make(tmp_path: Path, code: str, alone: bool = True) -> Child:
    return Child("thing", [sys.executable, "-c", code], dict(os.environ), tmp_path, alone)


def nap() -> None:
    time.sleep(0.02)


def test_it_stops_when_asked(tmp_path: Path) -> None:
    child = make(tmp_path, "import time; print('up', flush=True); time.sleep(60)")
    child.start(tmp_path)
    until(lambda: child.tail() == "up")
    assert child.exit_code is None
    assert child.stop(10, nap)
    assert child.exit_code is not None


def test_one_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    ignore = "import signal, time; signal.signal(15, signal.SIG_IGN)"
    code = f"{ignore}; print('up', flush=True); time.sleep(60)"
    child = make(tmp_path, code)
    child.start(tmp_path)
    until(lambda: child.tail() == "up")
    assert not child.stop(0.2, nap)
    assert child.exit_code == -9


@pytest.mark.parametrize("alone", [True, False])
def test_its_group_goes_with_it(tmp_path: Path, alone: bool) -> None:
    code = (
        "import subprocess, sys, time\n"
        "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(p.pid, flush=True)\ntime.sleep(60)\n"
    )
    child = make(tmp_path, code, alone)
    child.start(tmp_path)
    until(lambda: child.tail().isdigit())
    below = psutil.Process(int(child.tail()))
    child.stop(10, nap)
    until(lambda: not below.is_running() or below.status() == psutil.STATUS_ZOMBIE)


def test_it_is_started_again_until_it_keeps_dying(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RESTARTS", 2)
    said: list[str] = []
    child = make(tmp_path, "print('born'); raise SystemExit(3)")
    child.start(tmp_path)
    deadline = time.monotonic() + 20
    while child.tend(said.append):
        assert time.monotonic() < deadline
        nap()
    assert len(said) == 2
    assert "thing ended with 3; starting it again in 0.5 s" in said[0]
    assert child.log.read_text().count("born") == 3


def test_the_tail_is_that_of_the_last_start(tmp_path: Path) -> None:
    child = make(tmp_path, "print('line'); print('last')")
    for _ in range(2):
        child.start(tmp_path)
        until(lambda: child.exit_code is not None)
    assert child.tail() == "line\nlast"
    assert child.tail(1) == "last"
    assert child.log.read_text().count("line") == 2


def test_one_that_never_started_is_stopped_already(tmp_path: Path) -> None:
    child = make(tmp_path, "")
    assert child.stop(1, nap)
    assert child.exit_code is None
    assert child.pid is None
    assert child.tail() == ""
