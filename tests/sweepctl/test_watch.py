from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from asking import Cli, Service, heed_ctrl_c


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


def on_terminal(service: Service, tmp_path: Path, *args: str, **env: str) -> str:
    """What a terminal of 120 columns shows."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "sweepctl", "--server", service.url, "--token", service.user, *args],
        stdin=subprocess.DEVNULL,
        stdout=follower,
        stderr=follower,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "120", "LINES": "40", **env},
        cwd=tmp_path,
    )
    os.close(follower)
    shown = b""
    while True:
        try:
            part = os.read(leader, 65536)
        except OSError:
            break
        if not part:
            break
        shown += part
    os.close(leader)
    assert process.wait(20) == 0
    return shown.decode()


def test_on_a_terminal_it_draws_a_table(service: Service, tmp_path: Path) -> None:
    shown = on_terminal(service, tmp_path, "watch", "done")
    assert "best eval_loss: 1 (trial 1)" in shown
    assert "3 DONE, 2 STOPPED" in shown
    assert "━" in shown, "progress bars"
    assert "100 %" in shown
    assert "\x1b[" in shown


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
    assert "Traceback" not in err


@pytest.mark.parametrize("ref", ["nothing"])
def test_what_is_not_there(cli: Cli, ref: str) -> None:
    assert cli("watch", ref).exit_code == 3
