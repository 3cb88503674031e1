"""`sweepctl up` for real: service and MLflow server start, are looked after, and leave nothing."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from asking import until

from service.client import Client
from sweepctl import contexts
from sweepctl.probes import mlflow_answers
from sweepctl.stack import Options
from sweepctl.state import StateFolder
from sweepctl.up import links

READY = "Ctrl-C stops everything"


@dataclass
class Up:
    """A running `sweepctl up --no-agent`; `process` is its guard."""

    process: subprocess.Popen[bytes]
    state: Path
    log: Path
    env: dict[str, str]

    def said(self) -> str:
        return self.log.read_text()

    def again(self, *args: str) -> subprocess.CompletedProcess[str]:
        line = [sys.executable, "-m", "sweepctl", *args]
        return subprocess.run(line, env=self.env, capture_output=True, text=True, timeout=60)

    def mine(self) -> list[psutil.Process]:
        """Every process that was started for this state folder, wherever it hangs."""
        found = []
        for process in psutil.process_iter():
            try:
                words = [*process.cmdline(), *process.environ().values()]
                alive = process.status() != psutil.STATUS_ZOMBIE
            except psutil.Error:
                continue
            if alive and any(str(self.state) in word for word in words):
                found.append(process)
        return found

    def current(self) -> dict[str, str]:
        file = Path(self.env["XDG_CONFIG_HOME"]) / "sweepctl" / "current.json"
        found: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
        return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One state folder for all, so that MLflow makes its database once."""
    return tmp_path_factory.mktemp("up")


@pytest.fixture
def up(folder: Path) -> Iterator[Up]:
    env = {
        **{k: v for k, v in os.environ.items() if not k.startswith(("SWEEP", "MLFLOW"))},
        "XDG_CONFIG_HOME": str(folder / "xdg"),
        # Wrong on purpose: neither may reach the children.
        "MLFLOW_TRACKING_URI": "http://127.0.0.1:9",
        "SWEEP_DATABASE_URL": "sqlite:////nowhere/x.db",
    }
    log, state = folder / "log", folder / "state"
    line = [sys.executable, "-m", "sweepctl", "up", "--state", str(state), "--no-agent"]
    with log.open("wb") as out:
        process = subprocess.Popen(line, env=env, stdout=out, stderr=out, cwd=folder)
    made = Up(process, state, log, env)
    try:
        until(lambda: READY in made.said() or process.poll() is not None, 60)
        assert READY in made.said(), made.said()
        yield made
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(60)
        for left in made.mine():
            left.kill()


def test_it_serves_looks_after_its_children_and_stops_on_ctrl_c(up: Up) -> None:
    here = up.current()
    token = (up.state / "user.token").read_text().strip()
    with Client(here["server"], token) as client:
        assert list(client.every_sweep()) == []
    assert mlflow_answers(here["mlflow"])
    assert f"{here['server']}/docs" in up.said()
    assert here["mlflow"] in up.said()
    assert stat.S_IMODE((up.state / "user.token").stat().st_mode) == 0o600
    assert (up.state / "mlflow.db").exists()

    listed = up.again("get", "sweeps", "-o", "json")
    assert (listed.returncode, listed.stdout) == (0, "[]\n"), listed.stderr

    second = up.again("up", "--state", str(up.state), "--no-agent")
    assert second.returncode == 1
    assert "another `sweepctl up`" in second.stderr
    assert "Traceback" not in second.stderr

    (service,) = [p for p in up.mine() if p.cmdline()[-2:] == ["-m", "service"]]
    service.kill()
    until(lambda: "service ended with -9; starting it again" in up.said())
    until(lambda: up.again("get", "sweeps").returncode == 0, 30)
    assert up.current()["server"] == here["server"], "the port stays"

    up.process.send_signal(signal.SIGINT)
    assert up.process.wait(60) == 130
    assert up.mine() == []
    assert up.current() == {}
    assert up.said().endswith("stopping\nstopped\n")


@pytest.mark.parametrize("victim", ["guard", "worker"])
def test_kill_9_leaves_nothing(up: Up, victim: str) -> None:
    guard = psutil.Process(up.process.pid)
    (worker,) = guard.children()
    assert len(up.mine()) >= 5, "guard, worker, service, mlflow and its server"
    (guard if victim == "guard" else worker).kill()
    assert up.process.wait(60) == (-9 if victim == "guard" else 128 + 9)
    until(lambda: up.mine() == [], 60)


def test_a_failed_start_shows_the_log_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "service.db").write_text("this is no database, by any measure\n" * 50)
    env = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path)}
    line = [sys.executable, "-m", "sweepctl", "up", "--state", str(tmp_path / "state")]
    done = subprocess.run(line, env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "error: migrate ended with " in done.stderr
    assert "next: read " in done.stderr
    gone = Up(subprocess.Popen(["true"]), tmp_path / "state", tmp_path, {})
    assert gone.mine() == []
    gone.process.wait()


def test_it_says_when_commands_go_elsewhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stack: Any = SimpleNamespace(url="http://s", mlflow_url="http://m", state=StateFolder(tmp_path))
    links(stack, Options())
    assert "note:" not in capsys.readouterr().err
    contexts.save(contexts.Contexts().add("lab", contexts.Saved(server="https://lab.example")))
    links(stack, Options())
    said = capsys.readouterr().err
    assert "commands talk to context lab; next: sweepctl context use up" in said
