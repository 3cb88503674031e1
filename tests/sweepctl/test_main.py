"""Every exit code, end to end, and what is true of every command."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.metadata import entry_points

import pytest
from asking import Cli, Service, heed_ctrl_c

from sweepctl.main import app
from sweepctl.state import free_port

COMMANDS = {
    "Run a sweep": ["up", "demo", "create", "plan", "wait"],
    "Look at sweeps and trials": [
        *("watch", "why", "result", "report", "compare", "get", "describe", "export"),
    ],
    "Steer a sweep": ["stop", "pause", "resume", "retry", "set"],
    "Write a spec": ["schema", "backtest", "presets"],
    "This machine and its services": ["doctor", "completion", "version", "context"],
}


def test_0_ok(cli: Cli) -> None:
    assert cli("get", "sweeps").exit_code == 0


def test_1_when_nothing_answers(bare: Cli) -> None:
    result = bare("get", "sweeps", "--server", f"http://127.0.0.1:{free_port()}", "--token", "t")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1].startswith("next: sweepctl up")
    assert "Traceback" not in result.output


def test_1_when_no_service_is_known(bare: Cli) -> None:
    result = bare("get", "sweeps")
    assert result.exit_code == 1
    assert "error: no service is known here" in result.stderr
    assert "next: sweepctl up" in result.stderr


@pytest.mark.parametrize(
    "line", [("get",), ("nonsense",), ("get", "sweeps", "-o", "xml"), ("why",), ("get", "--nope")]
)
def test_2_usage(cli: Cli, line: tuple[str, ...]) -> None:
    result = cli(*line)
    assert result.exit_code == 2
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    "line",
    [
        ("describe", "sweep", "nothing"),
        ("describe", "sweep", "swp_" + "0" * 32),
        ("why", "trl_" + "0" * 32),
        ("result", "nothing"),
        ("stop", "done/99"),
        ("wait", "nothing"),
    ],
)
def test_3_not_found(cli: Cli, line: tuple[str, ...]) -> None:
    result = cli(*line)
    assert result.exit_code == 3
    assert result.stdout == ""
    assert result.stderr.splitlines()[-1].startswith("next: ")


@pytest.mark.parametrize("token", [None, "wrong"])
def test_4_auth(
    bare: Cli, service: Service, token: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWEEPCTL_SERVER", service.url)
    result = bare("get", "sweeps", *(("--token", token) if token else ()))
    assert result.exit_code == 4
    assert "SWEEPCTL_TOKEN" in result.stderr


def test_4_a_token_without_the_scope(bare: Cli, service: Service) -> None:
    result = bare("--server", service.url, "--token", service.agent, "pause", "running")
    assert result.exit_code == 4


def test_5_conflict(cli: Cli) -> None:
    assert cli("pause", "done").exit_code == 5


def test_124_timed_out(cli: Cli) -> None:
    assert cli("wait", "queued", "--timeout", "1s").exit_code == 124


def test_130_ctrl_c(service: Service) -> None:
    waiting = subprocess.Popen(
        [sys.executable, "-m", "sweepctl", "wait", "paused"],
        env={**os.environ, "SWEEPCTL_SERVER": service.url, "SWEEPCTL_TOKEN": service.user},
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed_ctrl_c,
    )
    assert waiting.stderr is not None
    assert "it is paused" in waiting.stderr.readline()
    waiting.send_signal(2)
    _, err = waiting.communicate(timeout=20)
    assert waiting.returncode == 130
    assert "Traceback" not in err


def test_a_proxy_does_not_stand_before_loopback(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    assert cli("get", "sweeps").exit_code == 0


def test_every_command_has_help(bare: Cli) -> None:
    out = bare("--help").stdout
    blocks = [block.splitlines() for block in out.split("\n\n")]
    listed = {
        lines[0].rstrip(":"): [re.match(r"  (\w+)  +\S", line)[1] for line in lines[1:]]  # type: ignore[index]
        for lines in blocks
        if lines[0].rstrip(":") in COMMANDS
    }
    assert listed == COMMANDS
    assert "124" in out
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize("command", [name for names in COMMANDS.values() for name in names])
def test_every_command_says_how_it_is_used(bare: Cli, command: str) -> None:
    result = bare(command, "--help")
    assert result.exit_code == 0
    assert "Usage:" in result.stdout


@pytest.mark.parametrize(
    ("line", "meant"),
    [(("gat",), "get"), (("get", "trails"), "trials"), (("context", "ad"), "add")],
)
def test_an_unknown_command_names_the_nearest(bare: Cli, line: tuple[str, ...], meant: str) -> None:
    result = bare(*line)
    assert result.exit_code == 2
    assert f"Did you mean '{meant}'" in result.stderr
    assert "--help" in result.stderr


def test_an_unknown_sweep_names_the_nearest(cli: Cli, service: Service) -> None:
    result = cli("describe", "sweep", "qeued")
    assert result.exit_code == 3
    assert f"{service.sweeps['queued'].id[:12]}  queued  QUEUED" in result.stderr
    assert "next: did you mean 'queued'?" in result.stderr


def test_the_entry_point_is_this_app() -> None:
    (found,) = entry_points(group="console_scripts", name="sweepctl")
    assert found.value == "sweepctl.main:app"
    assert found.load() is app


@pytest.mark.parametrize("form", ["table", "wide", "json", "yaml", "name"])
@pytest.mark.parametrize(
    "line",
    [
        ("get", "sweeps"),
        ("get", "trials", "running"),
        ("get", "pools"),
        ("describe", "sweep", "done"),
        ("describe", "trial", "done/3"),
        ("why", "done/3"),
        ("result", "done"),
    ],
)
def test_a_pipe_never_gets_escape_codes(
    cli: Cli, line: tuple[str, ...], form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    result = cli(*line, "-o", form)
    assert result.exit_code == 0
    assert result.stdout.strip()
    assert "\x1b" not in result.output
