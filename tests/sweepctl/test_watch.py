from __future__ import annotations

import copy
import fcntl
import os
import pty
import re
import subprocess
import sys
import termios
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from asking import Cli, Service, heed_ctrl_c, until
from stories import Script, make_report


def test_off_a_terminal_it_prints_plain_lines_to_the_end(cli: Cli) -> None:
    result = cli("watch", "done")
    assert result.exit_code == 0
    assert "\x1b" not in result.stdout
    lines = result.stdout.splitlines()
    assert all(re.match(r"\d\d:\d\d:\d\d (sweep|trial|command) ", line) for line in lines)
    assert lines[-1].endswith("sweep DONE")
    assert any("trial 3 STOPPED (pruned)" in line for line in lines)
    assert any("-> stop (median): Its eval_loss is worse" in line for line in lines)


def test_a_failed_sweep_is_exit_1(cli: Cli) -> None:
    result = cli("watch", "failed")
    assert result.exit_code == 1
    assert "failed: every trial failed" in result.stderr


def test_a_cancelled_one_is_not_a_failure(cli: Cli) -> None:
    assert cli("watch", "cancelled").exit_code == 0


def on_terminal(
    service: Service,
    tmp_path: Path,
    *args: str,
    stop_at: str = "",
    code: int = 0,
    tell: Callable[[str], None] = lambda part: None,
    **env: str,
) -> str:
    """What a terminal of 120 columns shows; Ctrl-C is typed there once it shows `stop_at`."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "sweepctl", "--server", service.url, "--token", service.user, *args],
        stdin=subprocess.DEVNULL,
        stdout=follower,
        stderr=follower,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "120", "LINES": "40", **env},
        cwd=tmp_path,
        # A session of its own, led by this terminal: what is typed there becomes a signal.
        preexec_fn=lambda: (heed_ctrl_c(), os.setsid(), fcntl.ioctl(1, termios.TIOCSCTTY, 0)),
    )
    os.close(follower)
    shown, typed = b"", not stop_at
    while True:
        try:
            part = os.read(leader, 65536)
        except OSError:
            break
        if not part:
            break
        shown += part
        tell(part.decode(errors="replace"))
        if not typed and stop_at.encode() in shown:
            typed = os.write(leader, b"\x03") == 1
    os.close(leader)
    assert process.wait(20) == code
    return shown.decode()


def watching(
    service: Service, tmp_path: Path, *args: str
) -> tuple[Callable[[], str], Callable[[], int]]:
    """A command on a terminal of its own: what it has shown by now, and its exit code."""
    parts: list[str] = []
    codes: list[str] = []

    def read() -> None:
        codes.append(on_terminal(service, tmp_path, *args, tell=parts.append))

    thread = threading.Thread(target=read)
    thread.start()

    def wait() -> int:
        thread.join(30)
        return 0 if codes else 1

    return lambda: "".join(parts), wait


def test_on_a_terminal_it_draws_a_table(service: Service, tmp_path: Path) -> None:
    shown = on_terminal(service, tmp_path, "watch", "done")
    assert "best eval_loss: 1 (trial 1)" in shown
    assert "3 DONE, 2 STOPPED" in shown
    assert "100 %" in shown
    assert "\x1b[" in shown


def test_both_signals_are_drawn(service: Service, tmp_path: Path) -> None:
    shown = on_terminal(service, tmp_path, "watch", "done")
    last = shown[shown.rindex("lines: ") :]
    assert "lines: loss 1 to 2; grad_norm 1 to 1, log scale" in last
    assert last.count("▁") >= 8, "a block for each report"


def test_what_happens_is_drawn_as_it_happens(service: Service, tmp_path: Path) -> None:
    service.submit("live")
    lease, script = service.claim("live"), Script()

    def then(seen: str, script: Script, end: str | None = None) -> None:
        until(lambda: seen in shown(), 20)
        service.tell(lease, script, end)

    shown, wait = watching(service, tmp_path, "watch", "live")
    trial = script.ask()
    script.say(trial, make_report(1, losses=(8.0, 8.0)))
    then("no reports yet", script)
    more = copy.copy(script)
    more.entries = []
    more.say(trial, make_report(2, losses=(4.0, 4.0)))
    then("lines: loss 8 to 8", more)
    last = copy.copy(script)
    last.entries = []
    last.end(trial)
    then("lines: loss 4 to 8", last, "DONE")
    assert wait() == 0
    assert "█▁" in shown(), "from 8 down to 4"
    assert "DONE" in shown()


def test_without_unicode_it_draws_ascii(service: Service, tmp_path: Path) -> None:
    shown = on_terminal(service, tmp_path, "watch", "done", PYTHONIOENCODING="ascii")
    assert shown.isascii()
    assert "\x1b[" in shown
    assert "x is not finite" in shown
    assert "\\u" not in shown


def test_a_dumb_terminal_gets_plain_lines(service: Service, tmp_path: Path) -> None:
    shown = on_terminal(service, tmp_path, "watch", "done", TERM="dumb")
    assert "\x1b" not in shown
    assert shown.splitlines()[-1].endswith("sweep DONE")


def test_no_color_keeps_the_table(service: Service, tmp_path: Path) -> None:
    shown = on_terminal(service, tmp_path, "watch", "done", NO_COLOR="1")
    assert "lines: loss" in shown
    assert not re.search(r"\x1b\[[0-9;]*m", shown), "no colour"


def test_ctrl_c_on_a_terminal_leaves_the_sweep_running(service: Service, tmp_path: Path) -> None:
    shown = on_terminal(service, tmp_path, "watch", "running", stop_at="loss 1 to 1;", code=130)
    short = service.sweeps["running"].id[:12]
    assert f"sweep {short} goes on without being watched" in shown
    assert f"next: sweepctl watch {short}, or sweepctl stop {short}" in shown
    assert "Traceback" not in shown
    assert "×" in shown[shown.rindex("1      RUNNING") :].split("\r\n")[0]
    assert "\x1b[?25h" in shown, "the cursor is back"
    with service.client() as client:
        assert client.get_sweep(service.sweeps["running"].id).state == "RUNNING"


def test_no_color_on_a_terminal_has_no_escape_codes(service: Service, tmp_path: Path) -> None:
    assert "\x1b" in on_terminal(service, tmp_path, "get", "sweeps")
    assert "\x1b" not in on_terminal(service, tmp_path, "get", "sweeps", NO_COLOR="1")


def test_ctrl_c_is_130(service: Service, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "sweepctl", "--server", service.url, "watch", "running"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "SWEEPCTL_TOKEN": service.user},
        text=True,
        preexec_fn=heed_ctrl_c,
    )
    assert process.stdout is not None
    assert "sweep" in process.stdout.readline()
    process.send_signal(2)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "goes on without being watched" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("ref", ["nothing"])
def test_what_is_not_there(cli: Cli, ref: str) -> None:
    assert cli("watch", ref).exit_code == 3
