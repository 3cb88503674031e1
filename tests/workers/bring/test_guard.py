from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from processes import gone

from workers.bring import guard

SCRATCH = "scratch"
# A process that made itself a daemon: its parent is gone, its session its own.
DAEMON = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        open("daemon", "w").write(str(os.getpid()))
        time.sleep(600)
    os._exit(0)
os.wait()
while not os.path.exists("daemon") or not open("daemon").read(): time.sleep(0.01)
"""


def start(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    (folder / SCRATCH).mkdir(exist_ok=True)
    (folder / SCRATCH / "left").touch()
    command = [sys.executable, guard.__file__, SCRATCH, "--", *arguments]
    return subprocess.Popen(command, cwd=folder, stdin=subprocess.PIPE, stderr=subprocess.PIPE)


def test_the_exit_status_is_the_commands(tmp_path: Path) -> None:
    with start(tmp_path, "sh", "-c", "exit 5") as process:
        assert process.wait(30) == 5
    with start(tmp_path, "sh", "-c", "kill -KILL $$") as process:
        assert process.wait(30) == 128 + 9
    assert (tmp_path / SCRATCH).exists(), "the worker lives"


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    with start(tmp_path, "no-such-program") as process:
        assert process.communicate(timeout=30)[1].startswith(b"no-such-program cannot be started")
        assert process.returncode == guard.NOT_FOUND


def test_a_daemon_does_not_outlive_the_command(tmp_path: Path) -> None:
    with start(tmp_path, sys.executable, "-Sc", DAEMON) as process:
        assert process.wait(30) == 0
    assert gone(tmp_path / "daemon")


def test_the_end_of_standard_input_kills(tmp_path: Path) -> None:
    with start(tmp_path, sys.executable, "-Sc", DAEMON + "time.sleep(600)") as process:
        while not (tmp_path / "daemon").exists() or not (tmp_path / "daemon").read_text():
            time.sleep(0.01)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(30) == 128 + 9
    assert gone(tmp_path / "daemon")
    assert not (tmp_path / SCRATCH).exists()


def test_sigterm_goes_to_the_command(tmp_path: Path) -> None:
    code = 'trap "exit 3" TERM; touch ready; while true; do sleep 0.02; done'
    with start(tmp_path, "sh", "-c", code) as process:
        while not (tmp_path / "ready").exists():
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_what_is_meant_for_others_ends_nothing(tmp_path: Path, number: signal.Signals) -> None:
    """The terminal of a worker tells every process in its session."""
    # The command ends by the same signal afterwards: it has not inherited the deafness.
    code = "touch ready; while [ ! -e go ]; do sleep 0.02; done; kill -$0 $$; exit 0"
    with start(tmp_path, "sh", "-c", code, str(int(number))) as process:
        while not (tmp_path / "ready").exists():
            time.sleep(0.01)
        process.send_signal(number)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.3)
        assert (tmp_path / SCRATCH).exists()
        (tmp_path / "go").touch()
        assert process.wait(30) == 128 + number


# The command ends between the look at it and the signal.
ENDS_FIRST = """
import os, signal, sys
from workers.bring import guard
signal_group = os.killpg
def too_late(group, _):
    signal_group(group, signal.SIGKILL)
    raise ProcessLookupError
os.killpg = too_late
sys.exit(guard.main(sys.argv[1:]))
"""


def test_a_sigterm_that_comes_too_late_harms_nobody(tmp_path: Path) -> None:
    program = [sys.executable, "-Sc", DAEMON + "time.sleep(600)"]
    command = [sys.executable, "-c", ENDS_FIRST, SCRATCH, "--", *program]
    with subprocess.Popen(command, cwd=tmp_path, stdin=subprocess.PIPE) as process:
        while not (tmp_path / "daemon").exists() or not (tmp_path / "daemon").read_text():
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 128 + 9
    assert gone(tmp_path / "daemon")


def test_one_that_ends_by_itself_spares_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look and the kill a process's own parent may have seen to its end."""
    left = ["ended", "running"]

    class Found(SimpleNamespace):
        def kill(self) -> None:
            left.remove(self.name)
            if self.name == "ended":
                raise psutil.NoSuchProcess(1)

        def status(self) -> str:
            return psutil.STATUS_RUNNING

    here = SimpleNamespace(children=lambda recursive: [Found(name=name) for name in left])
    monkeypatch.setattr(psutil, "Process", lambda: here)
    guard._kill_all()
    assert left == []
